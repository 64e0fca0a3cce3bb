"""What every body and every query of the REST doors keeps to: known fields only, references and words of bounded length."""

import re
from typing import Any, Final

from marshmallow import RAISE, Schema, ValidationError, fields, pre_load, validate

_ID: Final = r"[A-Za-z0-9\-.]{1,64}"


class StrictSchema(Schema):
    """A body of exactly the fields named; an unknown one is refused without repeating it (it may be anything)."""

    class Meta:
        """Documented as additionalProperties: false."""

        unknown = RAISE

    error_messages = {"type": "Send one JSON object."}  # noqa: RUF012  as marshmallow declares it

    @pre_load
    def _only_known(self, body: Any, **_context: Any) -> Any:
        if isinstance(body, dict) and not body.keys() <= self.fields.keys():
            raise ValidationError(f"Only these fields are accepted: {', '.join(self.fields)}.")
        return body


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
        if match is None:
            raise self.make_error("invalid")
        return f"{self._resource_type}/{match[1]}"


def words(most: int) -> Any:
    """Text of 1 to this many characters that is more than white space."""
    return validate.And(
        validate.Length(1, most, error=f"This is 1 to {most} characters long."),
        validate.Regexp(r"[\s\S]*\S", error="This is more than space."),
    )
