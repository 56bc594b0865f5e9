"""Values survive Markdown as they are, and no HTML does."""

from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from report.card.markdown import escape_markdown, html_of, markdown_environment

PLACES = {
    "paragraph": "{{ value }}",
    "within": "before {{ value }} after",
    "list": "- {{ value }}",
    "bold": "- **{{ value }}.** after",
    "heading": "## {{ value }}",
    "cell": "| a | b |\n| :-- | --: |\n| {{ value }} | 1 |",
}

TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1).filter(str.strip)


class Text(HTMLParser):
    """Collects what a reader sees, and the tags around it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.tags = "", []

    def handle_data(self, data):
        self.text += data

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)


def read(template: str, value: str) -> Text:
    markdown = markdown_environment("report.card").from_string(template).render(value=value)
    found = Text()
    found.feed(str(html_of(markdown)[0]))
    return found


@pytest.mark.parametrize("place", PLACES)
@settings(deadline=None)
@given(TEXTS)
@example("<script>alert(1)</script> [a](javascript:b) ![c](d)")
@example("a|b `c` *d* _e_ ~~f~~ &lt; \\| https://x.y <http://x.y>")
@example("# 1. - + > ---")
@example("1. one")
@example("===")
def test_any_value_reads_as_itself_wherever_it_stands(place, value):
    plain, seen = read(PLACES[place], "x"), read(PLACES[place], value)
    assert seen.tags == plain.tags
    # A browser, too, takes runs of white space for one space.
    expected = " ".join(plain.text.replace("x", "\0").split()).replace("\0", " ".join(value.split()))
    assert " ".join(seen.text.split()) == " ".join(expected.split())


@settings(deadline=None)
@given(TEXTS)
@example("``` `a` ```")
def test_code_reads_as_itself(value):
    value = " ".join(value.split())
    seen = read("see {{ value | code }}", value)
    assert seen.tags == ["p", "code"]
    assert seen.text.strip() == f"see {value}"


def test_a_block_of_code_holds_any_fence():
    seen = read("{{ value | fenced('toml') }}", 'a = "```"\n<b> & "c"\n')
    assert seen.tags == ["pre", "code"]
    assert seen.text.strip() == 'a = "```"\n<b> & "c"'


@pytest.mark.parametrize("value", ["0.25 to 0.75", "p_elliptical", "magnitude (mag)", "95 %", "M31 & M32"])
def test_what_means_nothing_in_markdown_is_left_alone(value):
    assert escape_markdown(value) == value


def test_headings_move_down_and_get_identifiers():
    html, contents = html_of("# One\n\n## Two, *three*\n\n### Four\n", shift=1, prefix="card-")
    assert contents == [("card-two-three", "Two, three")]
    assert "<h2>One</h2>" in html and '<h3 id="card-two-three">' in html and "<h4>Four</h4>" in html
