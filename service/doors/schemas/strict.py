"""What every body and every query of the REST doors keeps to: known fields only, references and words of bounded length."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from marshmallow import RAISE, Schema, ValidationError, fields, pre_load, validate

from fhir_mappings.references import is_id

_ID: Final = r"[A-Za-z0-9\-.]{1,64}"


class StrictSchema(Schema):
    """A body of exactly the fields named; an unknown one is refused without repeating it (it may be anything).

    null in an optional member is as good as absent.
    """

    #: A query knows no null.
    is_body: ClassVar[bool] = True

    class Meta:
        """Documented as additionalProperties: false."""

        unknown = RAISE

    error_messages = {"type": "Send one JSON object."}  # noqa: RUF012  as marshmallow declares it

    def on_bind_field(self, _name: str, field_obj: fields.Field[Any]) -> None:
        """Document an optional member of a body as nullable."""
        if not field_obj.required and self.is_body:
            field_obj.allow_none = True

    @pre_load
    def _only_known(self, body: Any, **_context: Any) -> Any:
        if not isinstance(body, Mapping):
            return body
        if not set(body) <= set(self.fields):
            raise ValidationError(f"Only these fields are accepted: {', '.join(self.fields)}.")
        return {
            name: value for name, value in body.items() if value is not None or self.fields[name].required
        }


def tenant_field() -> fields.String:
    """The hospital that is asked about."""
    return fields.String(
        required=True,
        validate=validate.Length(1, 64, error="This is 1 to 64 characters long."),
        error_messages={"required": "Name the hospital, as in the tenants file.", "invalid": "This is text."},
        metadata={"description": "The hospital, as named in the tenants file.", "examples": ["demo"]},
    )


class Text(fields.String):
    """Text that PostgreSQL can hold. Shaped as a pattern says, where one is given with an example."""

    def __init__(self, pattern: str = "", example: str = "", description: str = "", **kwargs: Any) -> None:
        told: dict[str, Any] = {"description": description} if description else {}
        if pattern:
            told |= {"pattern": f"^({pattern})$", "examples": [example]}
        messages: dict[str, Any] = {
            "invalid": "This is text.",
            "required": "This is required.",
            "shape": f"This is like {example}.",
            "kept": "This holds a NUL character, which no text has.",
        }
        super().__init__(error_messages=messages, metadata=told, **kwargs)
        self._pattern = pattern

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if "\x00" in text:
            raise self.make_error("kept")
        if self._pattern and not re.fullmatch(self._pattern, text):
            raise self.make_error("shape")
        return text


class Reference(fields.String):
    """A literal FHIR reference to one type: "Encounter/12", or the bare id."""

    def __init__(self, resource_type: str, **kwargs: Any) -> None:
        super().__init__(
            error_messages={
                "required": f"Send a reference like {resource_type}/123.",
                "null": f"Send a reference like {resource_type}/123.",
                "invalid": f"Send a reference like {resource_type}/123.",
            },
            metadata={
                "pattern": rf"^({resource_type}/)?{_ID}$",
                "examples": [f"{resource_type}/123"],
                "description": f"Literal reference to the {resource_type} in the tenant's EHR, or its bare id.",
            },
            **kwargs,
        )
        self._resource_type = resource_type

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        match = re.fullmatch(rf"(?:{self._resource_type}/)?({_ID})", text)
        if match is None or not is_id(match[1]):
            raise self.make_error("invalid")
        return f"{self._resource_type}/{match[1]}"


def words(most: int) -> Any:
    """Text of 1 to this many characters that is more than white space."""
    return validate.And(
        validate.Length(1, most, error=f"This is 1 to {most} characters long."),
        validate.Regexp(r"[\s\S]*\S", error="This is more than space."),
    )
