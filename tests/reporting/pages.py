"""Parses an HTML report: the text it displays, and whether anything in it could run or load another file."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """A parsed page.

    Attributes:
        elements: The names of all elements with their attributes.
        text: The text of the page with whitespace collapsed.
    """

    def __init__(self, content: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self._texts: list[str] = []
        self.feed(content)
        self.close()
        self.text = " ".join(" ".join(self._texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self._texts.append(data)

    def check(self) -> None:
        """Fail if anything could run or be loaded, or an element is not closed."""
        assert self._open == []
        names = {name for name, _ in self.elements}
        assert not names & {"script", "iframe", "object", "embed", "img", "image", "link", "form", "base", "use", "a"}
        for name, attributes in self.elements:
            for attribute, value in attributes.items():
                assert not attribute.startswith("on"), (name, attribute)
                assert attribute not in ("src", "href", "xlink:href", "srcset", "action"), (name, attribute)
                assert "url(" not in (value or "")
