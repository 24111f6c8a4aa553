"""The configuration of a mixture: which sets, how many texts of each, and how far their labels are trusted."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from training.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class SetConfig:
    """The part of one set in a mixture.

    Attributes:
        polar: The largest number of training texts of either polarity.
        neutral: The largest number of neutral ones.
        trust: The weight of the label in a text's target, 0…1; the rest is the teacher's probability.
        repeat: How often each text is seen in an epoch.
    """

    polar: int = 10_000
    neutral: int = 2_000
    trust: float = 0.5
    repeat: int = 1


@dataclass(frozen=True, kw_only=True)
class MixtureConfig:
    """A mixture of the sets of a folder.

    Attributes:
        sets: The sets by name.
        balance: The largest ratio between the numbers of the two polarities of a set.
        seed: The seed of the choice of texts.
        grouped: The sets whose third column names a group that stays in one part.
        phrases: The set that holds the phrases of `trees`; "" for none.
        trees: The file of trees; "" for none.
        unlabelled: The file of texts without labels, one per line; "" for none.
        left_out: A file that lists IMDB's reviews to leave out, one path like "train/pos/0_9.txt" per line; "" for
            none.
    """

    sets: Mapping[str, SetConfig]
    balance: float = 2.0
    seed: int = 0
    grouped: tuple[str, ...] = ()
    phrases: str = ""
    trees: str = ""
    unlabelled: str = ""
    left_out: str = ""


def load_mixture_config(name_or_path: str) -> MixtureConfig:
    """Load a shipped configuration by name ("general"), or a TOML file.

    Raises:
        ConfigError: There is no such configuration, or a field of it is unknown or has the wrong type.
    """
    if Path(name_or_path).suffix == ".toml":
        place, source = name_or_path, Path(name_or_path)
        if not source.is_file():
            raise ConfigError(f"{place} does not exist; give a TOML file or the name of a shipped mixture")
        text = source.read_text(encoding="utf-8")
    else:
        shipped = files("training.mixture") / f"{name_or_path}.toml"
        place = f"{name_or_path}.toml"
        if not shipped.is_file():
            raise ConfigError(f"there is no mixture {name_or_path!r}; give a TOML file or the name of a shipped one")
        text = shipped.read_text(encoding="utf-8")
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{place} is not TOML: {error}") from error
    tables = document.pop("sets", {})
    if not isinstance(tables, Mapping):
        raise ConfigError(f"{place}: sets is {tables!r}; it must be a table [sets.NAME] for each set", field="sets")
    sets = {name: SetConfig(**_checked(values, SetConfig, f"{place}, sets.{name}")) for name, values in tables.items()}
    if not sets:
        raise ConfigError(f"{place} names no set; add a table [sets.NAME] for each", field="sets")
    if isinstance(grouped := document.get("grouped"), list):
        document["grouped"] = tuple(grouped)
    return MixtureConfig(sets=sets, **_checked(document, MixtureConfig, place))


def _checked(values: Any, of: type, place: str) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        raise ConfigError(f"{place} is {values!r}; it must be a table")
    known = {field.name: type(field.default) for field in fields(of) if field.name != "sets"}
    for name, value in values.items():
        if name not in known:
            raise ConfigError(f"{place}: there is no field {name!r}; the fields are {', '.join(known)}", field=name)
        wanted = (int, float) if known[name] is float else known[name]
        if isinstance(value, bool) or not isinstance(value, wanted):
            kind = "list" if known[name] is tuple else known[name].__name__  # TOML has lists
            raise ConfigError(f"{place}: {name} is {value!r}; it must be {kind}", field=name)
    return dict(values)
