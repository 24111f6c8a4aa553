"""Command-line options for the fields of a configuration; their help is the docstring of its class."""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from training.config.fit import FitConfig
from training.config.presets import PRESETS
from training.config.recipe import Recipe, RecipeT

Command = TypeVar("Command", bound=Callable[..., Any])

FIELDS = tuple(field.name for field in dataclasses.fields(FitConfig))


def field_help(config: type[Recipe] = FitConfig) -> dict[str, str]:
    """Read the description of each field, on one line, from the "Attributes" section of a class's docstring."""
    section = inspect.cleandoc(config.__doc__ or "").partition("Attributes:\n")[2]
    entries = re.findall(r"^    (\w+): (.+(?:\n {8}.+)*)", section, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


def config_options(config: type[Recipe]) -> Callable[[Command], Command]:
    """Decorate a command with one option per field, which is None where it is not given."""
    hints, helps = typing.get_type_hints(config), field_help(config)

    def decorate(command: Command) -> Command:
        for field in reversed(dataclasses.fields(config)):
            name = field.name
            kind, flag, text = hints[name], "--" + name.replace("_", "-"), helps[name]
            if typing.get_origin(kind) is typing.Literal:
                option = click.option(flag, type=click.Choice(typing.get_args(kind)), help=text)
            elif kind is bool:
                option = click.option(f"{flag}/--no-{flag[2:]}", default=None, help=text)
            else:
                option = click.option(flag, type=kind, metavar=kind.__name__.upper(), help=text)
            command = option(command)
        return command

    return decorate


def config_with(config: RecipeT, options: Mapping[str, Any]) -> RecipeT:
    """The configuration with the fields whose options were given.

    Raises:
        ConfigError: A value is unusable.
    """
    names = [field.name for field in dataclasses.fields(config)]
    return dataclasses.replace(config, **{name: options[name] for name in names if options[name] is not None})


class FitCommand(click.Command):
    """A command whose help lists the presets, and the fields of the recipe apart from the other options."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the lists of the help; click calls it."""
        with formatter.section("Presets"):
            formatter.write_dl([(name, preset.summary) for name, preset in PRESETS.items()])
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        for title, in_recipe in (("Options", False), ("Recipe (default: the preset's)", True)):
            shown = [option for option in options if (option.name in FIELDS) is in_recipe]
            records = [record for option in shown if (record := option.get_help_record(ctx)) is not None]
            with formatter.section(title):
                formatter.write_dl(records)
