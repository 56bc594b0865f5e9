"""Markdown templates, and their conversion to HTML."""

import re

from jinja2 import Environment
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup

from report.html.environment import page_environment

# An underscore within a word and an ampersand that does not begin an entity need no escape.
_SPECIAL = re.compile(r"([\\`*\[<|~]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;))")
# Characters that begin a heading, a list, a quotation or a rule at the start of a line.
_LEADING = re.compile(r"^([#+>=-]|\d+(?=[.)](?:\s|$)))")


def markdown_environment(package: str) -> Environment:
    """Return the environment that renders the Markdown templates of a package.

    Parameters
    ----------
    package : str
        See `report.html.environment.page_environment`.

    Returns
    -------
    Environment
        It escapes every value that is not marked as safe for Markdown, and knows the filters ``code`` and
        ``fenced``. Do not join strings by ``~`` in such a template: jinja2 escapes what it joins for HTML.
    """
    environment = page_environment(package).overlay(finalize=escape_markdown)
    environment.filters |= {"code": code_span, "fenced": code_block}
    return environment


def escape_markdown(value: object) -> Markup:
    """Return a value escaped for Markdown, on one line.

    Parameters
    ----------
    value : object
        A value that is marked as safe is returned unchanged.

    Returns
    -------
    Markup
    """
    if isinstance(value, Markup):
        return value
    line = _SPECIAL.sub(r"\\\1", " ".join(str(value).split()))
    return Markup(_LEADING.sub(_escape_leading, line))


def _escape_leading(found: re.Match[str]) -> str:
    return f"{found.group()}\\" if found.group().isdigit() else f"\\{found.group()}"


def code_span(value: object) -> Markup:
    """Return a value as a code span, on one line. A ``|`` in it would end a table cell."""
    text = " ".join(str(value).split())
    if not text:
        return Markup("")
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    return Markup(f"{fence} {text} {fence}" if longest else f"{fence}{text}{fence}")


def code_block(text: str, language: str) -> Markup:
    """Return some lines as a block of code."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return Markup("{}{}\n{}\n{}").format(*map(Markup, (fence, language, text.rstrip("\n"), fence)))


def html_of(markdown: str, *, shift: int = 0, prefix: str = "") -> tuple[Markup, list[tuple[str, str]]]:
    """Convert Markdown to HTML; HTML tags in the Markdown are escaped.

    Parameters
    ----------
    markdown : str
    shift : int
        Levels by which headings move down.
    prefix : str
        Prefix of the headings' identifiers.

    Returns
    -------
    Markup
        Each table is wrapped in a ``div`` of class ``wide``, as on all pages.
    list of (str, str)
        Identifier and text of each heading of the second level.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.add_render_rule("table_open", _open_table)
    parser.add_render_rule("table_close", _close_table)
    tokens = parser.parse(markdown)
    contents = []
    for place, token in enumerate(tokens):
        if token.type == "heading_open" and token.tag == "h2":
            title = "".join(child.content for child in tokens[place + 1].children or ())
            identifier = prefix + re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
            token.attrSet("id", identifier)
            contents.append((identifier, title))
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + shift)}"
    return Markup(parser.renderer.render(tokens, parser.options, {})), contents


def _open_table(self: RendererHTML, tokens: list[Token], place: int, options: object, env: object) -> str:
    return '<div class="wide"><table>\n'


def _close_table(self: RendererHTML, tokens: list[Token], place: int, options: object, env: object) -> str:
    return "</table></div>\n"
