"""The words that fill the slots of templates: adjectives, verbs, nouns and what opinions are about, from text files."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

from training.composition.sentence import Part

FOLDER = Path(__file__).parent
HELD_OUT_PERCENT = 15
# Groups of targets: a whole (one thing that can be counted), several, a part of it, parts, a person and people.
PLURAL = ("wholes", "parts", "people")
PERSONS = ("person", "people")
# Lists of words without a sentiment that both parts share.
CLOSED = (
    "very",
    "bit",
    "made",
    "wait",
    "excess",
    "more",
    "number",
    "colour",
    "hour",
    "day",
    "month",
    "relative",
    "object",
    "building",
)


# Words that agree with a noun of the lexicon: for one that cannot be counted, for several.
_QUANTIFIED = {
    "much": ("much {}", "many {}"),
    "little": ("little {}", "few {}"),
    "is": ("{} is", "{} are"),
    "no": ("was no {}", "were no {}"),
    "has": ("has all the {}", "have all the {}"),
}


@dataclass(frozen=True, slots=True)
class Word:
    """An entry of the lexicon.

    Attributes:
        text: The base form; several words for a phrase.
        past: The past tense; for other entries than verbs the base form.
        participle: The past participle.
    """

    text: str
    past: str
    participle: str

    @classmethod
    def parse(cls, entry: str) -> Word:
        """Return the word of `base`, `base/past` or `base/past/participle`."""
        base, *forms = entry.strip().split("/")
        past = forms[0] if forms else _regular_past(base)
        return cls(base, past, forms[1] if len(forms) > 1 else past)

    def form(self, form: str, *, plural: bool = False) -> str:
        """Return one form.

        Args:
            form: "" (base), "ed" (past), "en" (past participle), "ing", "s" (third person) or "v" (the present that
                agrees with the target); for a noun "much", "little", "is", "no" or "has", for the noun with that word.
            plural: Whether the target is plural.
        """
        if form in _QUANTIFIED:
            several = self.text.endswith("s") and not self.text.endswith(("ss", "chaos"))
            return _QUANTIFIED[form][several].format(self.text)
        head, space, tail = self.text.partition(" ")
        if form == "ed":
            return self.past
        if form == "en":
            return self.participle
        if form == "ing":
            doubled = self.past.split()[0] == f"{head}{head[-1]}ed"
            stem = head[:-1] if head.endswith("e") and not head.endswith(("ee", "oe", "ye")) else head
            return f"{stem}{head[-1] if doubled else ''}ing{space}{tail}"
        if form == "s" or (form == "v" and not plural):
            return f"{_third_person(head)}{space}{tail}"
        return self.text


@dataclass(frozen=True, slots=True)
class Target:
    """A noun that opinions are about.

    Attributes:
        noun: The noun, in the number that its group says.
        group: whole, wholes, part, parts, person or people.
        kind: The class of adjectives and verbs that suit it.
        domain: The domain, such as "film".
        owned: Whether a writer may call it "my".
    """

    noun: str
    group: str
    kind: str
    domain: str
    owned: bool

    @property
    def plural(self) -> bool:
        """Whether verbs are in the plural."""
        return self.group in PLURAL

    @property
    def person(self) -> bool:
        """Whether it is one person or several."""
        return self.group in PERSONS

    def allowed(self, groups: Collection[str], kinds: Collection[str]) -> bool:
        """Whether it is of one of the groups ("it" is all but persons) and of a class or domain; empty allows any."""
        if kinds and self.kind not in kinds and self.domain not in kinds:
            return False
        return not groups or self.group in groups or ("it" in groups and not self.person)


@dataclass(frozen=True)
class Lexicon:
    """The words of one part.

    Attributes:
        words: Words by list ("adj"), polarity ("+", "-" or "0") and class ("any", "food", …).
        targets: All targets.
    """

    words: dict[tuple[str, str, str], list[Word]] = field(default_factory=dict)
    targets: list[Target] = field(default_factory=list)
    _suitable: dict[str, dict[str, list[Target]]] = field(default_factory=dict)

    def suitable(self, options: str) -> dict[str, list[Target]]:
        """Return the targets by domain that the options of a slot allow: ":" and groups, "@" and classes or domains."""
        if options not in self._suitable:
            groups, kinds = (re.findall(rf"{sign}([\w,]+)", options) for sign in ":@")
            found: dict[str, list[Target]] = {}
            for target in self.targets:
                if target.allowed(groups[0].split(",") if groups else [], kinds[0].split(",") if kinds else []):
                    found.setdefault(target.domain, []).append(target)
            self._suitable[options] = found
        return self._suitable[options]

    def choices(self, name: str, polarity: str, kind: str) -> list[Word]:
        """Return the words of a list that suit a class: its own, and those that suit any."""
        own = [] if kind == "any" else self.words.get((name, polarity, kind), [])
        return own + self.words.get((name, polarity, "any"), [])

    @cached_property
    def domains(self) -> list[str]:
        """All domains that have a target, in the order of the file."""
        return list(dict.fromkeys(target.domain for target in self.targets))

    def restricted(self, keep: Part, spelled_out: Collection[str]) -> Lexicon:
        """Return the words of one part, and those of the closed classes, which both parts share.

        Args:
            keep: The part.
            spelled_out: Words that occur in the text of templates, which are never held out.
        """
        held_out = self.held_out(spelled_out)

        def kept(entry: str) -> bool:
            return (entry in held_out) == (keep == "held_out")

        words = {
            key: listed if key[0] in CLOSED else [word for word in listed if kept(word.text)]
            for key, listed in self.words.items()
        }
        return Lexicon(words, [target for target in self.targets if kept(target.noun)])

    def held_out(self, spelled_out: Collection[str]) -> frozenset[str]:
        """Return the entries that are held out: 15 % of each list, those with the lowest checksums, and at least two.

        Args:
            spelled_out: Words that are never held out.
        """
        users: dict[str, set[str]] = {word: {""} for word in spelled_out}
        for listed in self.words.values():
            for word in listed:
                for token in _tokens(word):
                    users.setdefault(token, set()).add(word.text)
        closed = {word.text for key, listed in self.words.items() if key[0] in CLOSED for word in listed}

        def free(word: Word) -> bool:
            # A single word must not occur in another entry, or as the form of one ("frustrate", "frustrated").
            single = " " not in word.text
            return word.text not in closed and not (
                single and any(users[token] != {word.text} for token in _tokens(word))
            )

        lists = [
            ([word.text for word in listed], [word.text for word in listed if free(word)])
            for key, listed in self.words.items()
            if key[0] not in CLOSED
        ]
        for domain in self.domains:
            nouns = [target.noun for target in self.targets if target.domain == domain]
            lists.append((nouns, [noun for noun in nouns if noun not in users]))
        chosen: set[str] = set()
        for entries, eligible in lists:
            quota = max(2, math.ceil(len(entries) * HELD_OUT_PERCENT / 100)) - len(chosen & set(entries))
            remaining = sorted((entry for entry in eligible if entry not in chosen), key=_checksum)
            chosen.update(remaining[: max(0, quota)])
        return frozenset(chosen)


def _tokens(word: Word) -> set[str]:
    forms = {word.text, word.past, word.participle, word.form("ing"), word.form("s")}
    return {token for form in forms for token in form.lower().split()}


def _checksum(entry: str) -> int:
    return zlib.crc32(entry.encode())


def load_lexicon(folder: Path = FOLDER) -> Lexicon:
    """Read `words.txt`, `names.txt` and `targets.txt`."""
    lexicon = Lexicon()
    for path in (folder / "words.txt", folder / "names.txt"):
        for line in _lines(path):
            head, _, entries = line.partition(":")
            name, polarity, *kinds = head.split()
            for kind in kinds or ["any"]:
                lexicon.words.setdefault((name, polarity, kind), []).extend(map(Word.parse, entries.split(",")))
    domain, kind, owned = "", "", False
    for line in _lines(folder / "targets.txt"):
        if line.startswith("["):
            domain, kind, *own = line.strip("[]").split()
            owned = bool(own)
            continue
        group, _, entries = line.partition(":")
        for entry in entries.split(","):
            noun, _, other = entry.strip().partition("/")
            own_kind = other or ("person" if group in PERSONS else kind)
            lexicon.targets.append(Target(noun, group, own_kind, domain, owned))
    return lexicon


@cache
def word_list(name: str) -> tuple[str, ...]:
    """Return the entries of a list of `names.txt`, such as "woman", "country" or "group"."""
    return tuple(word.text for word in load_lexicon().words[name, "0", "any"])


def _lines(path: Path) -> list[str]:
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _regular_past(phrase: str) -> str:
    head, space, tail = phrase.partition(" ")
    if head.endswith("e"):
        past = f"{head}d"
    elif head.endswith("y") and head[-2:-1] not in "aeiou":
        past = f"{head[:-1]}ied"
    else:
        past = f"{head}ed"
    return f"{past}{space}{tail}"


def _third_person(verb: str) -> str:
    if verb.endswith(("s", "sh", "ch", "x", "z", "o")):
        return f"{verb}es"
    if verb.endswith("y") and verb[-2:-1] not in "aeiou":
        return f"{verb[:-1]}ies"
    return f"{verb}s"
