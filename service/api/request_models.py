"""The pydantic base of every request body, and how pydantic's errors become the service's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from ..errors import ServiceError, invalid_request, json_type, quote
from ..settings import Settings, variable


class RequestModel(BaseModel):
    """A JSON object in a request: unknown fields are errors, types are not converted, null counts as left out."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _check_keys(cls, document: Any) -> Any:
        if not isinstance(document, dict):
            return document
        fields = cls.__pydantic_fields__
        if cls.model_config["extra"] == "forbid" and not document.keys() <= fields.keys():
            # before the fields' values are checked, because a misspelled name explains more than a missing field
            raise UnknownFieldError(next(key for key in document if key not in fields), list(fields))
        if None in document.values():
            return {key: value for key, value in document.items() if value is not None}
        return document

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Let every optional field be null."""
        reference = handler(core_schema)
        properties = handler.resolve_ref_schema(reference)["properties"]
        for name, field in cls.__pydantic_fields__.items():
            schema = dict(properties[name])
            notes = {key: schema.pop(key) for key in ("title", "description", "default") if key in schema}
            if not field.is_required() and schema and {"type": "null"} not in schema.get("anyOf", ()):
                properties[name] = {"anyOf": [schema, {"type": "null"}], **notes}
        return reference


class UnknownFieldError(ValueError):
    """Raised inside pydantic for an unknown field; pydantic adds the path of its object."""

    def __init__(self, key: str, fields: Sequence[str]) -> None:
        super().__init__()  # no message: pydantic could not encode every key
        self.key = key
        self.fields = fields


Body = TypeVar("Body", bound=RequestModel)


def validate(model: type[Body], document: Any, settings: Settings, example: str) -> Body:
    """Validate a parsed JSON body.

    Args:
        model: The model of the body.
        document: The parsed JSON.
        settings: The service's settings, which the validators find as their context.
        example: A valid body, for error messages.

    Raises:
        ServiceError: 422 with the path of the first field that is wrong; 413 for more than `max_items` texts.
    """
    try:
        return model.model_validate(document, context=settings)
    except ValidationError as error:
        raise _service_error(error, example) from None


def _service_error(error: ValidationError, example: str) -> ServiceError:
    first = error.errors(include_url=False)[0]
    kind, value, context = first["type"], first["input"], first.get("ctx", {})
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).removeprefix(".")
    if kind == "missing":
        message = f'the field "{field}" is missing; send an object such as {example}'
        return invalid_request("missing_field", message, field)
    if kind == "value_error":
        unknown: UnknownFieldError = context["error"]
        known = ", ".join(unknown.fields)
        message = f'{field or "the body"} has no field "{quote(unknown.key)}"; the fields are {known}'
        return invalid_request("unknown_field", message, f"{field}.{unknown.key}" if field else unknown.key)
    if kind == "greater_than_equal":
        return invalid_request("invalid_option", f"{field} is {value}; it must be at least {context['ge']}", field)
    if kind in ("literal_error", "string_unicode") and isinstance(value, str):
        expected = context.get("expected", "whole characters, without halves of surrogate pairs")
        return invalid_request("invalid_option", f'{field} is "{quote(value)}"; it must be {expected}', field)
    wanted = _TYPES[kind] if field else f"an object such as {example}"
    message = f"{field or 'the body'} must be {wanted}; it is {json_type(value)}"
    return invalid_request("invalid_type", message, field or None)


_TYPES = {
    "dict_type": "an object",
    "model_type": "an object",
    "list_type": "a list",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "string_type": "a string",
    "literal_error": "a string",
}


def check_count(count: int, field: str, settings: Settings) -> None:
    """Check the number of texts of a request against `max_items`.

    Raises:
        ServiceError: 413.
    """
    limit, setting = settings.max_items, variable("max_items")
    if count > limit:
        raise ServiceError(
            413,
            "too_many_items",
            f"{field} has {count} texts and the limit is {limit}; send several requests, or raise {setting}",
            field=field,
            limit=limit,
            setting=setting,
        )


def _check_inputs(inputs: Any, info: ValidationInfo[Settings]) -> str | list[Any]:
    """Check the field "inputs", but no item of a list: a bad one fails alone, in its own slot of the answer."""
    if isinstance(inputs, str):
        return inputs
    if not isinstance(inputs, list):
        message = f"inputs must be a string or a list of strings; it is {json_type(inputs)}"
        raise invalid_request("invalid_type", message, "inputs")
    if not inputs:
        raise invalid_request("empty_list", "inputs is an empty list; send at least one text", "inputs")
    check_count(len(inputs), "inputs", info.context)
    return inputs


class TextRequest(RequestModel):
    """A request with a text or a list of texts."""

    inputs: Annotated[
        str | list[Any],
        PlainValidator(_check_inputs, json_schema_input_type=str | Annotated[list[Any], Field(min_length=1)]),
    ] = Field(description="A text, or a list of texts.")

    @property
    def texts(self) -> Sequence[Any]:
        """The texts, at least one; items of a list may be no strings."""
        return [self.inputs] if isinstance(self.inputs, str) else self.inputs

    @property
    def listed(self) -> bool:
        """Whether the texts came as a list."""
        return isinstance(self.inputs, list)
