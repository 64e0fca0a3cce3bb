"""What the CDS Hooks doors give."""

from marshmallow import Schema, fields


class Services(Schema):
    """CDS Hooks discovery."""

    services = fields.List(fields.Dict(), metadata={"description": "hook, id, title, description, prefetch."})


class Cards(Schema):
    """A CDS Hooks answer; its cards are described by docs/cds-hooks-cards.schema.json."""

    cards = fields.List(fields.Dict())
