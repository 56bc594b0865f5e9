"""Reads a page as a browser would, and checks that it is well-formed and stands alone."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

VOID = {"meta", "img", "br", "link", "input", "hr", "col"}
INLINE = {"a", "b", "code", "span", "small", "sub", "sup", "em", "i"}


class Page(HTMLParser):
    """Checks that tags are balanced and collects what a test asks for; `text` has blanks folded."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.source = source
        self.feed(source)
        self.close()
        assert not self.open
        self.text = " ".join("".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), (tag, attrs)
        self.tags.append((tag, dict(attrs)))
        self.words.append("" if tag in INLINE else " ")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self.words.append("" if tag in INLINE else " ")

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def values(self, attribute: str) -> list[str]:
        return [attributes[attribute] for _, attributes in self.tags if attributes.get(attribute)]


def check_stands_alone(page: Page) -> None:
    """Check that nothing is loaded, every link leads somewhere, and pictures have a size and a text."""
    identifiers = page.values("id")
    assert len(set(identifiers)) == len(identifiers)
    for link in page.values("href") + page.values("xlink:href"):
        assert link.startswith("#") and link[1:] in identifiers, link
    assert all(link.startswith("data:image/png;base64,") for link in page.values("src"))
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.tags}
    assert not re.search(r"url\((?!#)|@import|https?://(?!www\.w3\.org)", page.source)
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes), tag
        assert tag != "img" or (attributes["alt"] and attributes["width"] and attributes["height"])
    for svg in re.findall(r"<svg.*?</svg>", page.source, re.DOTALL):
        ElementTree.fromstring(svg)
        assert "currentColor" in svg and "#010203" not in svg
