"""`homeward plan`: from a Bundle file to a plan, without any server."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

import click
import orjson
from rich.console import Console

from config.content import load_content
from config.conventions import Conventions
from config.directory_file import load_directory
from config.settings import content_folder
from config.tenants import UTC as UNKNOWN_ZONE
from fhir_mappings.bundle import transaction_bundle
from fhir_mappings.inbound.bundle_file import choose_stay, read_bundle
from fhir_mappings.inbound.record import build_record
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.plan import plan_resources
from service import clock
from service.commands.bundle_input import read_input
from service.domain.community_service import LoadedDirectory
from service.domain.plan import Plan
from service.errors import BadInput
from service.pipeline.assess import assess
from service.pipeline.draft import draft
from service.pipeline.match import match
from service.presentation.document import plan_document
from service.presentation.explanation import explanation_document, explanation_table
from service.presentation.table import plan_table

#: Identifiers of a plan made from a file: no hospital stands behind it.
TENANT: Final = "file"
AUTHOR: Final = Author(device_name="Homeward", organization="", organization_reference="")


def plan_file(
    name: str, *, encounter: str | None, today: date | None, form: str, zone: ZoneInfo | None = None
) -> Callable[[], None]:
    """Read and plan; what comes back prints it. form is "table", "json" or "bundle".

    zone is the hospital's; None where nobody has said: then the offset of the stay's own times.

    Raises HomewardError for what cannot be planned.
    """
    on = _checked(today, zone)
    plan = plan_of(read_bundle(read_input(name)), encounter=encounter, today=on, zone=zone)
    return _PRINTERS[form](plan, zone)


def explain_file(
    name: str,
    *,
    need: str,
    encounter: str | None,
    today: date | None,
    form: str,
    zone: ZoneInfo | None = None,
) -> Callable[[], None]:
    """Read and plan, then say why each need (or only this one) was raised or not; what comes back prints it.

    form is "table" or "json". Raises HomewardError for what cannot be planned, BadInput for a need nobody knows.
    """
    plan = plan_of(read_bundle(read_input(name)), encounter=encounter, today=_checked(today, zone), zone=zone)
    if form == "json":
        return _writing(explanation_document(plan, need))
    shown = explanation_table(plan, need)
    return lambda: Console().print(shown)


def plan_of(
    resources: list[dict[str, Any]], *, encounter: str | None, today: date, zone: ZoneInfo | None = None
) -> Plan:
    """The plan of one stay, with the sample directory. The same input, date and zone give the same plan."""
    conventions = Conventions(zone=zone)
    stay = choose_stay(resources, encounter, today, conventions)
    content = load_content(content_folder())
    record = build_record(
        resources, encounter=stay, today=today, asked=content.questions, conventions=conventions
    )
    assessment = assess(record, content, today=today)
    matches = match(assessment, record.patient, LoadedDirectory(load_directory()), today=today)
    return draft(record, assessment, matches, tenant=TENANT)


def bundle_of(plan: Plan) -> dict[str, Any]:
    """The FHIR transaction that a hospital's EHR would get; recorded on the plan's own date, so that it repeats."""
    recorded = datetime.combine(plan.today, time(), UTC)
    return transaction_bundle(plan_resources(plan, author=AUTHOR, recorded=recorded))


def _checked(today: date | None, zone: ZoneInfo | None) -> date:
    now = clock.now().astimezone(zone).date()
    if today is not None and today > now:
        raise BadInput("--today lies in the future; give today's date or an earlier one.")
    return today or now


def _as_table(plan: Plan, _zone: ZoneInfo | None) -> Callable[[], None]:
    table = plan_table(plan)
    return lambda: Console().print(table)


def _as_json(plan: Plan, zone: ZoneInfo | None) -> Callable[[], None]:
    return _writing(plan_document(plan, bundle=bundle_of(plan), zone=zone or UNKNOWN_ZONE))


def _as_bundle(plan: Plan, _zone: ZoneInfo | None) -> Callable[[], None]:
    return _writing(bundle_of(plan))


def _writing(document: dict[str, Any]) -> Callable[[], None]:
    text = orjson.dumps(document, option=orjson.OPT_INDENT_2)
    return lambda: click.echo(text)


_PRINTERS: Final[dict[str, Callable[[Plan, ZoneInfo | None], Callable[[], None]]]] = {
    "table": _as_table,
    "json": _as_json,
    "bundle": _as_bundle,
}
