"""What the platform is told."""

from marshmallow import Schema, fields


class Liveness(Schema):
    """This process answers."""

    status = fields.String(metadata={"enum": ["ok"]})


class Readiness(Schema):
    """Whether discharges can be taken and planned; each check is "ok" or says what to do, warnings what a person must look at."""

    status = fields.String(metadata={"enum": ["ready", "not ready"]})
    checks = fields.Dict(keys=fields.String(), values=fields.String())
    warnings = fields.List(fields.String())
