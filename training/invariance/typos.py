"""One typing error, never in a short word or a negator."""

from __future__ import annotations

import random

from training.invariance.rewriting import pick_word, replace_span

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEIGHBOURS = {
    key: [
        other
        for other_row, other_keys in enumerate(_ROWS)
        for other_column, other in enumerate(other_keys)
        if other != key and abs(row - other_row) <= 1 and abs(column - other_column) <= 1
    ]
    for row, keys in enumerate(_ROWS)
    for column, key in enumerate(keys)
}


def add_typo(text: str, rng: random.Random) -> str | None:
    """Swap two letters, drop or double one, or hit a neighbouring key; the first letter of the word stays."""
    word = pick_word(text, rng)
    if word is None:
        return None
    letters = word[0]
    place = rng.randrange(1, len(letters) - 1)
    head, letter, after, tail = letters[:place], letters[place], letters[place + 1], letters[place + 2 :]
    changes = [f"{head}{after}{tail}", f"{head}{letter}{letter}{after}{tail}"]
    if letter != after:
        changes.append(f"{head}{after}{letter}{tail}")
    if neighbours := _NEIGHBOURS.get(letter.lower()):
        key = rng.choice(neighbours)
        changes.append(f"{head}{key.upper() if letter.isupper() else key}{after}{tail}")
    return replace_span(text, word, rng.choice(changes))
