"""Epic's written rules about what it takes: rows 21 to 28 and 40."""

from hashlib import sha256
from typing import Any, Final

from service.sandbox.asgi import Asked, Told
from service.sandbox.written import epic_bodies as bodies
from service.sandbox.written import parts
from service.sandbox.written.epic_issues import coded
from service.sandbox.written.frame import (
    WRITES,
    Change,
    Entry,
    Json,
    Question,
    Retelling,
    Rule,
    resource_of,
    with_resource,
)

_CREATE: Final = frozenset({"create"})
_SEARCH: Final = frozenset({"search-type"})
_NOTE: Final = frozenset({"DocumentReference"})
_CONDITION: Final = frozenset({"Condition"})
_OBSERVATION: Final = frozenset({"Observation"})
_ANSWERS: Final = frozenset({"QuestionnaireResponse"})
_MESSAGE: Final = frozenset({"Communication"})
#: Marks a problem that no clinician has reconciled; what is read through the API carries no metadata.
AWAITS: Final[Json] = {"system": "https://sandbox.example.org/filing", "code": "awaits-reconciliation"}
#: The switch by which clinicians reconcile: true for all problems, or a list of ids.
RECONCILED: Final = "reconciled"


def _stay_of_note(question: Question) -> Json:
    return question.found.get(bodies.stay_named(question.body), {})


def _look_at_stay(question: Question) -> tuple[str, ...]:
    named = bodies.stay_named(question.body)
    return (named,) if named else ()


def _tasks_of_patient(question: Question) -> tuple[str, ...]:
    return (f"Task?patient={bodies.id_in(question.body.get('subject'))}&_count=200",)


def _is_assigned(question: Question) -> bool:
    (search,) = _tasks_of_patient(question)
    return bodies.is_assigned(question.body, question.found_by(search))


def _is_about_referral(question: Question) -> bool:
    named = (question.found.get(reference, {}) for reference in bodies.tasks_named(question.body))
    return any(map(bodies.is_of_community_referral, named))


ORDERS: Final[tuple[Entry, ...]] = (
    Rule(
        row=21,
        name="orders",
        about="Orders are not taken over REST, whatever the statement lists.",
        types=frozenset({"ServiceRequest"}),
        interactions=frozenset({"create", "update"}),
        refuses=lambda _: True,
        status=403,
        silent=True,
    ),
)

NOTES: Final[tuple[Entry, ...]] = (
    coded(
        "59159",
        Rule(
            row=22,
            name="status of a note",
            about="DocumentReference.status is current, docStatus final or preliminary.",
            types=_NOTE,
            interactions=_CREATE,
            refuses=lambda question: not bodies.has_status_of_note(question.body),
            status=400,
        ),
    ),
    coded(
        "59159",
        Rule(
            row=22,
            name="text of a note",
            about="DocumentReference.content is plain text with its data.",
            types=_NOTE,
            interactions=_CREATE,
            refuses=lambda question: not bodies.has_plain_text(question.body),
            status=400,
        ),
    ),
    coded(
        "59159",
        Rule(
            row=22,
            name="type of a note",
            about="DocumentReference.type belongs to another workflow.",
            types=_NOTE,
            interactions=_CREATE,
            refuses=lambda question: bodies.is_of_other_workflow(question.body),
            status=400,
        ),
    ),
    coded(
        "59144",
        Rule(
            row=22,
            name="stay of a note",
            about="DocumentReference.context.encounter is one encounter that is there.",
            types=_NOTE,
            interactions=_CREATE,
            looks=_look_at_stay,
            refuses=lambda question: not _stay_of_note(question),
            status=400,
        ),
    ),
    coded(
        "59144",
        Rule(
            row=22,
            name="patient of a note",
            about="DocumentReference.subject is the patient of its encounter.",
            types=_NOTE,
            interactions=_CREATE,
            looks=_look_at_stay,
            refuses=lambda question: (
                bool(_stay_of_note(question))
                and not bodies.is_about_patient_of(question.body, _stay_of_note(question))
            ),
            status=400,
        ),
    ),
    parts.change_body(
        23,
        "one attachment",
        "Of several attachments the first is kept.",
        lambda _, body: bodies.with_first_attachment(body),
        types=_NOTE,
    ),
    Rule(
        row=24,
        name="notes stay",
        about="A note is not changed or withdrawn by the API.",
        types=_NOTE,
        interactions=frozenset({"update"}),
        refuses=lambda _: True,
        status=403,
        silent=True,
    ),
)


def _mark(_: Question, body: Json) -> Json:
    meta = body.get("meta", {})
    return {**body, "meta": {**meta, "tag": [*meta.get("tag", []), dict(AWAITS)]}}


def is_reconciled(condition: Json, reconciled: Any) -> bool:
    """Whether a clinician has taken a problem up, by the switch: true for all, or a list of ids."""
    if AWAITS not in condition.get("meta", {}).get("tag", []):
        return True
    return condition.get("id") in reconciled if isinstance(reconciled, list) else bool(reconciled)


def _without_unreconciled(question: Question, told: Told) -> Told:
    answer = resource_of(told)
    entries = answer.get("entry", [])
    reconciled = question.switches.get(RECONCILED)
    shown = [entry for entry in entries if is_reconciled(entry.get("resource", {}), reconciled)]
    if len(shown) == len(entries):
        return told
    total = max(0, answer.get("total", len(entries)) - (len(entries) - len(shown)))
    return with_resource(told, {**answer, "total": total, "entry": shown})


PROBLEMS: Final[tuple[Entry, ...]] = (
    coded(
        "59159",
        Rule(
            row=25,
            name="category of a problem",
            about="Condition.category is problem-list-item alone.",
            types=_CONDITION,
            interactions=_CREATE,
            refuses=lambda question: not bodies.is_problem(question.body),
            status=400,
        ),
    ),
    coded(
        "59012",
        Rule(
            row=25,
            name="certainty of a problem",
            about="Condition.verificationStatus is provisional or absent.",
            types=_CONDITION,
            interactions=_CREATE,
            refuses=lambda question: not bodies.is_provisional(question.body),
            status=422,
        ),
    ),
    coded(
        "59159",
        Rule(
            row=25,
            name="content of a problem",
            about="Condition has a code, is active or resolved on a day, and has one note of at most 450 characters.",
            types=_CONDITION,
            interactions=_CREATE,
            refuses=lambda question: not bodies.has_content_of_problem(question.body),
            status=400,
        ),
    ),
    parts.change_body(
        26, "problems await a clinician", "A problem is filed for reconciliation.", _mark, types=_CONDITION
    ),
    Retelling(
        row=26,
        name="problems are not shown before",
        about="A problem that no clinician has reconciled is in no search.",
        types=_CONDITION,
        interactions=_SEARCH,
        retell=_without_unreconciled,
    ),
)

OTHERS: Final[tuple[Entry, ...]] = (
    coded(
        "59159",
        Rule(
            row=27,
            name="vital signs only",
            about="Observation.category is vital-signs, status final.",
            types=_OBSERVATION,
            interactions=frozenset({"create", "update"}),
            refuses=lambda question: not bodies.is_vital_sign(question.body),
            status=400,
        ),
    ),
    coded(
        "59188",
        Rule(
            row=27,
            name="flowsheet row",
            about="Observation.code has one coding.",
            types=_OBSERVATION,
            interactions=frozenset({"create", "update"}),
            refuses=lambda question: not bodies.has_one_coding(question.body),
            status=400,
        ),
    ),
    coded(
        "59159",
        Rule(
            row=27,
            name="assigned questionnaires",
            about="QuestionnaireResponse.questionnaire was not assigned to the patient.",
            types=_ANSWERS,
            interactions=_CREATE,
            looks=_tasks_of_patient,
            refuses=lambda question: not _is_assigned(question),
            status=400,
        ),
    ),
    coded(
        "59159",
        Rule(
            row=27,
            name="stay of a message",
            about="Communication.encounter is required.",
            types=_MESSAGE,
            interactions=_CREATE,
            refuses=lambda question: not question.body.get("encounter"),
            status=400,
        ),
    ),
    coded(
        "59144",
        Rule(
            row=27,
            name="referral of a message",
            about="Communication.basedOn is a referral made in Epic's own workflow.",
            types=_MESSAGE,
            interactions=_CREATE,
            looks=lambda question: bodies.tasks_named(question.body),
            refuses=lambda question: not _is_about_referral(question),
            status=400,
        ),
    ),
)


def _with_long_id(question: Question) -> Asked:
    """The create as one under an id of 64 characters, the most that FHIR allows; a conditional one is left to the server."""
    asked = question.asked
    if "if-none-exist" in asked.headers:
        return asked
    name = sha256(f"{question.number} {question.at}".encode() + asked.body).hexdigest()
    return asked.moved("PUT", f"{question.resource_type}/{name}").with_body({**question.body, "id": name})


KEPT: Final[tuple[Entry, ...]] = (
    parts.ignore_conditions(28),
    parts.change_body(
        40,
        "identifiers are not kept",
        "Identifiers of others are not stored: what was written is found by patient, encounter, type, date and text.",
        lambda _, body: {name: part for name, part in body.items() if name != "identifier"},
    ),
    Change(
        row=33,
        name="long ids",
        about="Ids are of 64 characters.",
        interactions=_CREATE,
        change=_with_long_id,
    ),
    parts.answer_creates(28, body=True, location="relative"),
    parts.without_version(28, WRITES),
)

TAKEN: Final[tuple[Entry, ...]] = (*ORDERS, *NOTES, *PROBLEMS, *OTHERS, *KEPT)
