"""What Epic takes in the body of a create, in questions about the body alone and about what it names."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

Json = Mapping[str, Any]

_PLAIN_TEXT: Final = "text/plain"
#: LOINC's discharge summary, hospital discharge instructions and written discharge instructions.
_OTHER_WORKFLOWS: Final = frozenset({"18842-5", "34105-7", "69730-0"})
_DOC_STATUSES: Final = frozenset({"", "final", "preliminary"})
#: Characters of the one note that a problem may have.
NOTE_LIMIT: Final = 450


def has_plain_text(note: Json) -> bool:
    """Whether the first attachment of a note, the one that is kept, is plain text in base64."""
    first = next(iter(listed(note.get("content"))), {}).get("attachment", {})
    kind = str(first.get("contentType", "")).partition(";")[0].strip()
    return kind == _PLAIN_TEXT and bool(first.get("data"))


def has_status_of_note(note: Json) -> bool:
    """Whether a note is current, and filed as signed or as a draft."""
    return note.get("status") == "current" and note.get("docStatus", "") in _DOC_STATUSES


def is_of_other_workflow(note: Json) -> bool:
    """Whether a note is of a type that is filed elsewhere: discharge summaries and instructions."""
    return bool(codes_of(note.get("type")) & _OTHER_WORKFLOWS)


def stay_named(note: Json) -> str:
    """The one stay ("Encounter/1") that a note is about; "" for none or several."""
    named = listed((note.get("context") or {}).get("encounter"))
    return f"Encounter/{id_in(named[0])}" if len(named) == 1 and id_in(named[0]) else ""


def is_about_patient_of(note: Json, stay: Json) -> bool:
    """Whether a note is about the patient of its stay."""
    return bool(id_in(note.get("subject"))) and id_in(note.get("subject")) == id_in(stay.get("subject"))


def is_problem(condition: Json) -> bool:
    """Whether a Condition has one category, that of the problem list."""
    categories = listed(condition.get("category"))
    return len(categories) == 1 and codes_of(categories[0]) == {"problem-list-item"}


def is_provisional(condition: Json) -> bool:
    """Whether a Condition is provisional, or does not say how certain it is."""
    return codes_of(condition.get("verificationStatus")) <= {"provisional"}


def has_content_of_problem(condition: Json) -> bool:
    """Whether a problem says what it is, is active, or resolved on a day, and has one short note at most."""
    state = codes_of(condition.get("clinicalStatus"))
    ended = any(name.startswith("abatement") for name in condition)
    notes = listed(condition.get("note"))
    short = len(notes) <= 1 and all(len(str(note.get("text", ""))) <= NOTE_LIMIT for note in notes)
    is_open = state == {"active"} or (state == {"resolved"} and ended)
    return bool(condition.get("code")) and is_open and short


def is_vital_sign(observation: Json) -> bool:
    """Whether an Observation is a final vital sign."""
    categories = [codes_of(category) for category in listed(observation.get("category"))]
    return (
        bool(categories) and all(codes == {"vital-signs"} for codes in categories) and is_final(observation)
    )


def is_final(observation: Json) -> bool:
    """Whether an Observation is final."""
    return observation.get("status") == "final"


def has_one_coding(observation: Json) -> bool:
    """Whether an Observation has one coding, which can be mapped to a flowsheet row."""
    return len(listed((observation.get("code") or {}).get("coding"))) == 1


def is_assigned(answers: Json, tasks: Sequence[Json]) -> bool:
    """Whether one of the patient's tasks assigns the questionnaire that is answered."""
    form = str(answers.get("questionnaire", "")).partition("|")[0]
    return bool(form) and any(form in _forms_of(task) for task in tasks)


def tasks_named(message: Json) -> tuple[str, ...]:
    """The tasks ("Task/1") that a message is based on, part of or about."""
    named = [part for name in ("basedOn", "partOf", "about") for part in listed(message.get(name))]
    return tuple(f"Task/{id_in(part)}" for part in named if "Task/" in str(part.get("reference")))


def is_of_community_referral(task: Json) -> bool:
    """Whether a task belongs to a referral that was made in Epic's own workflow for community resources."""
    return "community-resource" in codes_of(task.get("code"))


def with_first_attachment(note: Json) -> dict[str, Any]:
    """The note with the first of its attachments alone."""
    return {**note, "content": listed(note.get("content"))[:1]}


def codes_of(concept: Any) -> set[str]:
    """The codes of a concept."""
    codings = listed(concept.get("coding")) if isinstance(concept, dict) else []
    return {str(coding.get("code")) for coding in codings}


def id_in(reference: Any) -> str:
    """The id in a reference, however it is written; "" for none."""
    said = str(reference.get("reference", "")) if isinstance(reference, dict) else ""
    return said.partition("/_history/")[0].rpartition("/")[2]


def listed(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; none of anything else."""
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _forms_of(task: Json) -> set[str]:
    focus = task.get("focus") or {}
    canonicals = [str(part.get("valueCanonical", "")).partition("|")[0] for part in listed(task.get("input"))]
    return {str(focus.get("reference", "")), *canonicals} - {""}
