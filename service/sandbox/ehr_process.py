"""What runs inside the sandbox EHR's own process: sekmet-fhir, quiet, with the searches it lacks, in its mode.

Only here is sekmet imported; it is a dependency of the sandbox, not of the service.
"""

import socket
from collections.abc import Mapping, Sequence
from typing import Final

import uvicorn
from sekmet.config import Settings
from sekmet.fhir.search_params import PARAMS, SearchParam
from sekmet.main import create_app

from service import clock
from service.sandbox.asgi import App, Scope
from service.sandbox.flaky import Fates, Flaky, reset
from service.sandbox.leash import die_with_parent
from service.sandbox.mode import Mode
from service.sandbox.moved import move_the_ehr
from service.sandbox.singles import Singles
from service.sandbox.vendor import Vendor

#: Search parameters of FHIR R4 that sekmet's table lacks, as "name kind path" (or "name kind path target").
MISSING: Final[Mapping[str, Sequence[str]]] = {
    "Goal": (
        "identifier token identifier",
        "subject reference subject",
        "patient reference subject Patient",
        "lifecycle-status token lifecycleStatus",
        "achievement-status token achievementStatus",
        "category token category",
        "start-date date startDate",
        "target-date date target.dueDate",
    ),
    "CareTeam": (
        "identifier token identifier",
        "subject reference subject",
        "patient reference subject Patient",
        "encounter reference encounter",
        "status token status",
        "category token category",
        "participant reference participant.member",
        "date date period",
    ),
    "QuestionnaireResponse": (
        "identifier token identifier",
        "subject reference subject",
        "patient reference subject Patient",
        "encounter reference encounter",
        "status token status",
        "questionnaire uri questionnaire",
        "authored date authored",
        "author reference author",
        "based-on reference basedOn",
        "part-of reference partOf",
    ),
    "DeviceRequest": (
        "identifier token identifier",
        "subject reference subject",
        "patient reference subject Patient",
        "encounter reference encounter",
        "status token status",
        "intent token intent",
        "code token codeCodeableConcept",
        "authored-on date authoredOn",
        "event-date date occurrenceDateTime|occurrencePeriod",
        "based-on reference basedOn",
        "requester reference requester",
        "performer reference performer",
    ),
    "CarePlan": (
        "activity-code token activity.detail.code",
        "activity-reference reference activity.reference",
        "care-team reference careTeam",
        "condition reference addresses",
        "goal reference goal",
        "part-of reference partOf",
        "replaces reference replaces",
    ),
    "RelatedPerson": ("active token active", "phone token telecom[phone]", "telecom token telecom"),
    "Encounter": ("diagnosis reference diagnosis.condition", "reason-reference reference reasonReference"),
    "Device": ("device-name string deviceName.name", "manufacturer string manufacturer"),
}


def main(arguments: Sequence[str]) -> None:
    """Serve until told to stop.

    Arguments: listening socket's number, FHIR base URL, SQLite file, state directory, dumped mode, clock file or "".
    """
    descriptor, base_url, database, state_dir, mode, clock_file = arguments
    die_with_parent()
    if clock_file:
        clock.follow(clock_file)
        move_the_ehr()
    add_missing_searches()
    application: App = create_app(_settings(base_url, database, state_dir))
    server = _server(application, Mode.loaded(mode))
    server.run(sockets=[socket.socket(fileno=int(descriptor))])


def add_missing_searches() -> None:
    """Extend sekmet's table; it is read at each write and search, so this must come before the first of both."""
    for resource_type, lines in MISSING.items():
        table = PARAMS.setdefault(resource_type, {})
        for line in lines:
            name, kind, path, *target = line.split()
            table.setdefault(name, SearchParam(name, kind, tuple(path.split("|")), *target))


def _server(application: App, mode: Mode) -> uvicorn.Server:
    """The EHR behind its vendor's rules, and those behind the faults: a network fails before any rule is read."""
    if mode.vendor:
        application = Vendor(application, mode.vendor)
    if mode.singles:
        application = Singles(application)
    servers: list[uvicorn.Server] = []
    if mode.fault_rate or mode.spellbound:
        application = Flaky(application, Fates(mode), lambda scope: _drop(servers[0], scope))
    servers.append(uvicorn.Server(uvicorn.Config(application, log_level="warning", access_log=False)))
    return servers[0]


def _drop(server: uvicorn.Server, scope: Scope) -> None:
    for connection in list(server.server_state.connections):
        if getattr(connection, "client", None) == tuple(scope["client"]):
            reset(connection.transport)


def _settings(base_url: str, database: str, state_dir: str) -> Settings:
    """Nothing happens in this EHR by itself, and its traffic log stays small."""
    return Settings.model_validate(
        {
            "base_url": base_url,
            "host": "127.0.0.1",
            "db_path": database,
            "data_dir": state_dir,
            "facility_name": "Prairie Sample Hospital",
            "simulator": {"enabled": False, "auto": []},
            "log_inbound": False,
            "max_body_log": 2_000,
        }
    )
