"""HTML tags and character entities in texts."""

from __future__ import annotations

import html
import re
from html.entities import html5

from sentiline.tokenizer.edited_text import EditedText

_ELEMENTS = [
    "a",
    "abbr",
    "acronym",
    "address",
    "applet",
    "area",
    "article",
    "aside",
    "audio",
    "b",
    "base",
    "basefont",
    "bdi",
    "bdo",
    "big",
    "blink",
    "blockquote",
    "body",
    "br",
    "button",
    "canvas",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "data",
    "datalist",
    "dd",
    "del",
    "details",
    "dfn",
    "dialog",
    "dir",
    "div",
    "dl",
    "dt",
    "em",
    "embed",
    "fieldset",
    "figcaption",
    "figure",
    "font",
    "footer",
    "form",
    "frame",
    "frameset",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hgroup",
    "hr",
    "html",
    "i",
    "iframe",
    "img",
    "input",
    "ins",
    "isindex",
    "kbd",
    "label",
    "legend",
    "li",
    "link",
    "main",
    "map",
    "mark",
    "marquee",
    "menu",
    "meta",
    "meter",
    "nav",
    "nobr",
    "noframes",
    "noscript",
    "object",
    "ol",
    "optgroup",
    "option",
    "output",
    "p",
    "param",
    "picture",
    "pre",
    "progress",
    "q",
    "rp",
    "rt",
    "ruby",
    "s",
    "samp",
    "script",
    "section",
    "select",
    "slot",
    "small",
    "source",
    "span",
    "strike",
    "strong",
    "style",
    "sub",
    "summary",
    "sup",
    "svg",
    "table",
    "tbody",
    "td",
    "template",
    "textarea",
    "tfoot",
    "th",
    "thead",
    "time",
    "title",
    "tr",
    "track",
    "tt",
    "u",
    "ul",
    "var",
    "video",
    "wbr",
    "xmp",
]
# Only attributes with a value, and a few without, make a tag of "<b …>": "a <b and c> d" is a comparison.
_ATTRIBUTE = (
    r"""\s+(?:[a-z][a-z0-9:_-]{0,40}\s?=\s?(?:"[^"<>]{0,500}"|'[^'<>]{0,500}'|[^\s"'<>]{1,500})"""
    r"""|(?:checked|controls|disabled|hidden|noshade|nowrap|selected)\b)"""
)
TAG = re.compile(
    rf"</?(?:{'|'.join(sorted(_ELEMENTS, key=len, reverse=True))})(?:{_ATTRIBUTE}){{0,20}}\s{{0,3}}/?>"
    r"|<!--[^<>]{0,500}-->|<!doctype [^<>]{0,200}>",
    re.ASCII | re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:amp;)?(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});|&(amp|lt|gt|quot|nbsp)\b")


def blank_tags(text: str) -> str:
    """Return a text of the same length with spaces in place of HTML tags."""
    text = text.replace("<br />", "      ").replace("<br/>", "     ")  # the most common ones, in a fraction of the time
    return TAG.sub(_blank, text) if "<" in text else text


def decode_entities(text: EditedText) -> bool:
    """Replace character entities, escaped once or twice, by their characters; a name that HTML lacks stays a word.

    Returns:
        Whether there were any.
    """
    before = text.text
    text.substitute(_ENTITY, _decode)
    return text.text != before


def _decode(match: re.Match[str]) -> str:
    name = match[1] or match[2]
    if name[0] == "#" or f"{name};" in html5:
        return html.unescape(f"&{name};")
    if f"{name.lower()};" in html5:  # &NBSP;
        return html.unescape(f"&{name.lower()};")
    return match[0]


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])
