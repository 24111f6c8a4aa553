"""Emoji: what is one, and under which one an emoji that is not in the vocabulary is read."""

from __future__ import annotations

import re

_BASE = "[\u2190-\u21ff\u2300-\u23ff\u25b6\u25c0\u2600-\u27bf\u2934\u2935\u2b00-\u2bff\U0001f000-\U0001faff]"
_MODIFIERS = "[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
_SKIN_TONES = "\U0001f3fb-\U0001f3ff"

# Flags, keycaps, and sequences that a zero-width joiner makes into one picture.
EMOJI = f"[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3|{_BASE}{_MODIFIERS}*(?:\u200d{_BASE}{_MODIFIERS}*)*"
JOINER_OUTSIDE_EMOJI = f"(?<!{_BASE})(?<!{_MODIFIERS})\u200d|\u200d(?!{_BASE})"

_MODIFIER = re.compile(_MODIFIERS)
_FIRST = re.compile(_BASE)

# Of an emoji that is not in the vocabulary, the first known one of its group is read instead.
_GROUPS = (
    "😂🤣😹😆😅",
    "😍🥰😻😘😚😙😗",
    "❤♥💕💖💗💓💙💚💛💜🧡🤎🖤🤍💝💞💘💟❣",
    "😊🙂😀😃😄😁☺😌🤗😇😺😸🤠",
    "😉😜😏😋😛😝🤪😎🤩",
    "👍👌✅💯👏🙌🤝💪🏆🥇",
    "👎❌🚫⛔🖕🗑",
    "😢😭🥺😿💔😞😔☹🙁😟😥😓😩😫😣😖😪",
    "😠😡🤬😤👿😾💢",
    "🤮🤢💩😷🤧🤒",
    "😱😨😰🙀😧😦😳",
    "🙄😒😑😐😕🫤🤨😬🤦🤷",
    "🎉🥳🎊✨🌟⭐★",
    "🔥⚡",
    "🤔🧐",
    "😴🥱💤",
    "🙏🤞",
)
EMOJI_IN_EVERY_VOCABULARY = tuple("".join(_GROUPS))
_GROUP_OF = {emoji: group for group in _GROUPS for emoji in group}


def is_emoji(token: str) -> bool:
    """Return whether a token is an emoji."""
    return _FIRST.match(token) is not None or token[-1] == "\u20e3"


def plain_emoji(token: str) -> str:
    """Return an emoji without variation selectors and skin tones."""
    return _MODIFIER.sub("", token) or token


def similar_emoji(emoji: str) -> str:
    """Return the emoji to look up, nearest first, if a plain one is unknown: its first part, then others like it."""
    return emoji[0] + _GROUP_OF.get(emoji[0], "")
