"""The templates of sentences, read from `templates/*.txt`.

A section begins with `== FAMILY LABEL TARGET`, where LABEL is `+`, `-`, `0` or `±` (either), and TARGET is the
probability of the label. Each following line is a template:

- `[a|b|]` is one of several wordings; the same list is resolved in the same way throughout a sentence.
- `{^adj}` is a slot: a polarity, a list of the lexicon, the number of the target that it is about, and options. `+` and
  `-` are polarities, `^` is that of the label and `~` its opposite. `.b` makes a second slot of the same kind; `:ed`
  names a verb form; `@food` names a class of the lexicon.
- `{np}` is a noun phrase with its determiner and `{noun}` the noun alone; `:whole,part` names groups of targets.
  `{is}`, `{was}`, `{has}`, `{does}`, `{isnt}`, `{it}` and the like agree with it, and `{a}` with the next word.
- `<^…>` is a span with the sentiment of the label, `<~…>` with the opposite one; `<+…>` and `<-…>` are absolute.
- `{^clause}` is a clause, from the sections of the pseudo-family "clause".
- `(a/b)` is `a` in the sentence and `b` in the other one of a minimal pair, which has the opposite label. `A => B`
  gives both as a whole.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from training.composition.lexicon import FOLDER, HELD_OUT_PERCENT, Lexicon, load_lexicon
from training.composition.sentence import Part

CLAUSES = ("clause", "negclause")
"""Pseudo-families, whose templates occur inside others only."""
_WORDINGS = {"nobody": "[nobody|no one]", "everybody": "[everybody|everyone]"}
_SHARED = re.compile(rf"\{{({'|'.join(_WORDINGS)})\}}")
_DIFFERENCE = re.compile(r"\(([^()/]*)/([^()]*)\)")


@dataclass(frozen=True, slots=True)
class Template:
    """One template.

    Attributes:
        name: The family and a checksum of the text.
        family: The construction.
        label: "+", "-", "0" or "±".
        target: The probability of the label.
        text: The template.
        opposite: The template of the other sentence of a minimal pair, with the opposite label; empty if there is none.
    """

    name: str
    family: str
    label: str
    target: float
    text: str
    opposite: str = ""


@dataclass(frozen=True, slots=True)
class Grammar:
    """The templates and words of one part.

    Attributes:
        lexicon: The words.
        templates: The templates by family.
    """

    lexicon: Lexicon
    templates: dict[str, list[Template]]


@cache
def load_templates(folder: Path = FOLDER / "templates") -> tuple[Template, ...]:
    """Return all templates, file by file in the order of the file names."""
    found = []
    family, label, target = "", "", 0.0
    for path in sorted(folder.glob("*.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("== "):
                family, label, number = line.split()[1:4]
                target = float(number)
            elif line.strip() and not line.startswith("#"):
                text, opposite = _pair(_SHARED.sub(lambda name: _WORDINGS[name[1]], line.strip()))
                name = f"{family}-{zlib.crc32(line.strip().encode()):08x}"
                found.append(Template(name, family, label, target, text, opposite))
    return tuple(found)


@cache
def load_grammar(part: Part) -> Grammar:
    """Return the templates and words of one part.

    Of each family and label, the 15 % of templates with the lowest checksums are held out, and at least one.
    """
    sections: dict[tuple[str, str], list[Template]] = defaultdict(list)
    for template in load_templates():
        sections[template.family, template.label].append(template)
    kept: dict[str, list[Template]] = defaultdict(list)
    for (family, _), templates in sections.items():
        templates.sort(key=lambda template: template.name)
        count = math.ceil(len(templates) * HELD_OUT_PERCENT / 100)
        kept[family] += templates[:count] if part == "held_out" else templates[count:]
    return Grammar(load_lexicon().restricted(part, spelled_out_words()), dict(kept))


@cache
def spelled_out_words() -> frozenset[str]:
    """Return the words that occur in the text of templates, outside of slots."""
    texts = (f"{template.text} {template.opposite}" for template in load_templates())
    return frozenset(word for text in texts for word in re.findall(r"[a-z'-]+", re.sub(r"\{.*?\}", " ", text.lower())))


def _pair(line: str) -> tuple[str, str]:
    """Return both sentences of a line, the second empty where there is none."""
    if " => " in line:
        text, _, opposite = line.partition(" => ")
        return text.strip(), opposite.strip()
    text = _DIFFERENCE.sub(r"\1", line)
    return text, _DIFFERENCE.sub(r"\2", line) if text != line else ""
