"""The options that change a field of a recipe, one a field; their help is the docstring of the recipe's class."""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from training.config.presets import PRESETS, FitConfig
from training.config.recipe import AnyRecipe, Recipe

Command = TypeVar("Command", bound=Callable[..., Any])

FIELDS = tuple(field.name for field in dataclasses.fields(FitConfig))


def field_help(recipe: type[AnyRecipe] = FitConfig) -> dict[str, str]:
    """What the "Attributes" section of a recipe's docstring says of each field, on one line."""
    section = inspect.cleandoc(recipe.__doc__ or "").partition("Attributes:\n")[2]
    entries = re.findall(r"^    (\w+): (.+(?:\n {8}.+)*)", section, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


def options_of(recipe: type[AnyRecipe]) -> Callable[[Command], Command]:
    """Decorator: one option a field of a recipe; None where it is not given, so that the recipe's value stands."""
    hints, helps = typing.get_type_hints(recipe), field_help(recipe)

    def decorate(command: Command) -> Command:
        for field in reversed(dataclasses.fields(recipe)):
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


recipe_options = options_of(FitConfig)


def changed(preset: str, options: Mapping[str, Any]) -> FitConfig:
    """The preset with the fields that were given another value.

    Raises:
        ConfigError: a value cannot work.
    """
    return changed_recipe(PRESETS[preset], options)


def changed_recipe(recipe: Recipe, options: Mapping[str, Any]) -> Recipe:
    """A recipe with the fields that were given another value.

    Raises:
        ConfigError: a value cannot work.
    """
    names = [field.name for field in dataclasses.fields(recipe)]
    return dataclasses.replace(recipe, **{name: options[name] for name in names if options[name] is not None})


class RecipeCommand(click.Command):
    """Lists the presets and, apart from the other options, those of the recipe."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help's lists; click calls it."""
        with formatter.section("Presets"):
            formatter.write_dl([(name, preset.summary) for name, preset in PRESETS.items()])
        for title, of_recipe in (("Options", False), ("Recipe (default: the preset's)", True)):
            options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
            shown = [option for option in options if (option.name in FIELDS) is of_recipe]
            records = [record for option in shown if (record := option.get_help_record(ctx)) is not None]
            with formatter.section(title):
                formatter.write_dl(records)
