"""What the platform is told."""

from marshmallow import Schema, fields


class Liveness(Schema):
    """This process answers."""

    status = fields.String(metadata={"enum": ["ok"]})


class Told(Schema):
    """One thing about a hospital, with its remedy."""

    tenant = fields.String(metadata={"description": "The hospital's id; empty for the whole deployment."})
    code = fields.String(
        metadata={
            "description": "no-hospital, no-secret, not-heard-of, searches-fail or no-directory; clock or brake for a warning."
        }
    )
    said = fields.String(metadata={"description": "What it is and what to do about it."})


class Readiness(Schema):
    """Whether discharges can be taken and planned; each check is "ok" or says what to do, warnings what a person must look at."""

    status = fields.String(
        metadata={
            "enum": ["ready", "incomplete", "not ready"],
            "description": "incomplete: it works, and a hospital lacks what `missing` says.",
        }
    )
    checks = fields.Dict(keys=fields.String(), values=fields.String())
    missing = fields.List(fields.Nested(Told))
    warnings = fields.List(fields.Nested(Told))
