"""The shipped mixture loads; a field that is unknown or of another type is refused."""

from __future__ import annotations

import pytest

from training.errors import ConfigError
from training.mixture.config import SetConfig, load_mixture_config


def test_the_shipped_mixture_loads():
    config = load_mixture_config("general")
    assert len(config.sets) == 47
    assert {*config.grouped, config.phrases} <= set(config.sets)


def test_a_file_of_ones_own_has_defaults(tmp_path):
    (tmp_path / "mine.toml").write_text('grouped = ["a"]\nbalance = 3\n[sets.a]\npolar = 5\n[sets.b]\n')
    config = load_mixture_config(str(tmp_path / "mine.toml"))
    assert config.sets == {"a": SetConfig(polar=5), "b": SetConfig()}
    assert (config.grouped, config.balance) == (("a",), 3)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[sets.a]\npolr = 5", "polr"),
        ("[sets.a]\npolar = '5'", "polar"),
        ("[sets.a]\npolar = 1.5", "polar"),
        ("[sets.a]\npolar = true", "polar"),
        ("caps = 1\n[sets.a]", "caps"),
        ("seed = 'x'\n[sets.a]", "seed"),
        ("grouped = 'cad'\n[sets.a]", "grouped"),
        ("[sets]\na = 5", "sets.a"),
        ("sets = 5", "sets"),
        ("seed = 1", "names no set"),
        ("[sets.a", "not TOML"),
    ],
)
def test_another_field_or_type_is_refused_by_name(tmp_path, text, named):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(ConfigError, match=named):
        load_mixture_config(str(tmp_path / "mine.toml"))


@pytest.mark.parametrize("name", ["nothing", "nothing.toml"])
def test_an_unknown_mixture_is_refused(name):
    with pytest.raises(ConfigError, match="nothing"):
        load_mixture_config(name)
