"""Sentences with a label on every phrase, in the bracketed format of the Stanford Sentiment Treebank."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from training.errors import DataError

_PART = re.compile(r"\((?P<label>[0-4]) |(?P<word>[^\s()]+)|(?P<end>\))")
_BRACKETS = {"-LRB-": "(", "-RRB-": ")"}


@dataclass(frozen=True, slots=True)
class Phrase:
    """A node of a tree.

    Attributes:
        first: The index of its first word.
        end: The index after its last word.
        label: 0 (very negative) … 4 (very positive); 2 is neutral.
    """

    first: int
    end: int
    label: int


@dataclass(frozen=True, slots=True)
class Tree:
    """A sentence and its phrases.

    Attributes:
        words: The words in reading order.
        phrases: Every node, children before their parent; the last one is the sentence.
    """

    words: tuple[str, ...]
    phrases: tuple[Phrase, ...]

    @property
    def sentence(self) -> str:
        """The words, separated by spaces."""
        return self.text(self.phrases[-1])

    def text(self, phrase: Phrase) -> str:
        """Return the words of a phrase, separated by spaces."""
        return " ".join(self.words[phrase.first : phrase.end])


def read_trees(path: Path) -> Iterator[Tree]:
    """Read the trees of a gzip-compressed file, one per line.

    Raises:
        DataError: The file cannot be read, or a line is not a tree.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                yield _parse(line, f"{path}, line {number}")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as gzip-compressed UTF-8: {error}") from error


def _parse(line: str, place: str) -> Tree:
    words: list[str] = []
    phrases: list[Phrase] = []
    open_nodes: list[tuple[int, int]] = []  # the label and the first word of each open bracket
    for match in _PART.finditer(line):
        if label := match["label"]:
            open_nodes.append((int(label), len(words)))
        elif match["end"] and open_nodes:
            node, first = open_nodes.pop()
            phrases.append(Phrase(first, len(words), node))
        elif word := match["word"]:
            words.append(_BRACKETS.get(word, word))
        else:
            raise DataError(f"{place}: a closing bracket has no opening one")
    if open_nodes or not words or not phrases or phrases[-1] != Phrase(0, len(words), phrases[-1].label):
        raise DataError(f"{place}: the line is not one bracketed tree with labels 0 to 4")
    return Tree(tuple(words), tuple(phrases))
