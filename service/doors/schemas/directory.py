"""What the doors of the directory take and give."""

from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from service.domain.sensitivity import VIOLENCE, Label
from service.doors.schemas.strict import StrictSchema, Text, words

MOST: Final = 200
_OLDEST: Final = 150
_PLACE: Final = ("address", "city", "state", "postal_code", "latitude", "longitude")
_SERVICE: Final = "[a-z0-9]+(-[a-z0-9]+)*"


def _text(description: str, most: int = 2000) -> Text:
    short = validate.Length(max=most, error=f"This is at most {most} characters long.")
    return Text(description=description, load_default="", validate=short)


def _set(member: fields.Field[Any], description: str, least: int = 0, **more: Any) -> Any:
    size = validate.Length(least, 500, error=f"This is a list of {least} to 500.")
    return fields.List(member, validate=size, metadata={"description": description}, **more)


def _degrees(most: int) -> fields.Float:
    within = validate.Range(-most, most, error=f"This is -{most} to {most} degrees.")
    return fields.Float(load_default=None, allow_none=True, allow_nan=False, validate=within)


def _age(description: str) -> fields.Integer:
    within = validate.Range(0, _OLDEST, error=f"This is 0 to {_OLDEST} years.")
    return fields.Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        validate=within,
        metadata={"description": description},
    )


class CommunityServiceEntry(StrictSchema):
    """One service at one place, as docs/directory.md describes it."""

    name = Text(required=True, validate=words(200))
    organization = Text(required=True, validate=words(200))
    services = _set(
        Text(_SERVICE, "food-pantry"),
        "What it is asked for: `service` of the protocols.",
        least=1,
        required=True,
    )
    phone = _text("As it is dialled.", 100)
    url = Text(r"|https?://\S{1,1990}", "https://pantry.example.org", load_default="")
    address = _text("Street and number.", 200)
    city = _text("Town.", 200)
    state = _text("As in an address.", 100)
    postal_code = Text("|[0-9]{5}", "62701", load_default="")
    latitude = _degrees(90)
    longitude = _degrees(180)
    postal_codes = _set(
        Text("[0-9]{5}", "62701"), "The ZIP codes it serves; none means everywhere.", load_default=list
    )
    languages = _set(
        Text("[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", "es"), "Spoken without interpreters.", load_default=list
    )
    minimum_age = _age("Whole years; younger people are not offered it.")
    maximum_age = _age("Whole years; older people are not offered it.")
    eligibility = _text("Who may come, in words.")
    fees = _text('In words; what begins with "free" counts as free.')
    application = _text("How one applies.")
    hours = _text("When it is open.")
    wait = _text("How long one waits.")
    accepting = fields.Boolean(
        load_default=True, truthy={True}, falsy={False}, metadata={"description": "Takes new people now."}
    )
    verified = fields.Date(
        load_default=None,
        allow_none=True,
        metadata={"description": "The day a person last checked the entry; null for never."},
    )
    labels = _set(
        fields.Enum(Label, by_value=True),
        "HL7 ActCode labels: it is offered only for needs that carry one.",
        load_default=list,
    )

    @validates_schema
    def _fits_together(self, entry: Any, **_context: Any) -> None:
        if (entry["latitude"] is None) != (entry["longitude"] is None):
            raise ValidationError("Send both or neither.", "latitude")
        youngest, oldest = entry["minimum_age"], entry["maximum_age"]
        if youngest is not None and oldest is not None and youngest > oldest:
            raise ValidationError("This is above maximum_age.", "minimum_age")
        told = [name for name in _PLACE if entry[name] not in {"", None}]
        if set(entry["labels"]) & VIOLENCE and told:
            raise ValidationError(
                "Where survivors of violence are safe must not be told; leave this out.", told[0]
            )


class CommunityService(CommunityServiceEntry):
    """The same with its id."""

    id = fields.String()


class DirectoryQuery(StrictSchema):
    """Which part of a directory."""

    is_body = False

    service = Text(_SERVICE, "food-pantry")
    postal_code = Text("[0-9]{5}", "62701")
    words = Text(description="Stand in the name of the service or of who gives it.", validate=words(100))
    limit = fields.Integer(load_default=50, validate=validate.Range(1, MOST, error=f"This is 1 to {MOST}."))
    after = Text(description="`next` of the page before.", load_default="", validate=validate.Length(max=200))


class DirectoryPage(Schema):
    """Services by id."""

    services = fields.List(fields.Nested(CommunityService))
    next = fields.String(
        allow_none=True, metadata={"description": "`after` of what follows; null at the end."}
    )


class DirectoryLoaded(Schema):
    """A directory that was replaced."""

    services = fields.Integer(metadata={"description": "How many it now has."})
