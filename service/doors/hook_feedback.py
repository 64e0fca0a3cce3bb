"""The body of a CDS Hooks feedback call → Feedback; every mistake is told in one sentence that says what to send."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from service.domain.offer import Answer
from service.errors import BadInput
from service.pipeline.feedback import Feedback

#: An EHR may collect a day's feedback; more at once is a mistake.
_MOST: Final = 1000
_LONGEST_COMMENT: Final = 1000
_LONGEST_CODE: Final = 64
#: As the specification has it, and as Epic does.
_OVERRIDES: Final = ("overrideReason", "overrideReasons")
_OUTCOMES: Final = {"accepted": Answer.ACCEPTED, "overridden": Answer.OVERRIDDEN}


def read_feedback(body: Any) -> tuple[Feedback, ...]:
    """All that one call tells. BadInput names the place of a mistake, and repeats nothing of what was sent."""
    listed = body.get("feedback") if isinstance(body, dict) else None
    # Some EHRs tell of each card at once, without a list.
    listed = [listed] if isinstance(listed, dict) else listed
    if not isinstance(listed, list) or not listed:
        raise BadInput('Send {"feedback": [...]} with at least one entry.')
    if len(listed) > _MOST:
        raise BadInput(f"Send at most {_MOST} entries at a time.")
    return tuple(_one(entry, f"feedback[{number}]") for number, entry in enumerate(listed))


def _one(entry: Any, place: str) -> Feedback:
    if not isinstance(entry, dict):
        raise BadInput(f"{place} must be a JSON object.")
    answer = _OUTCOMES.get(str(entry.get("outcome")))
    if answer is None:
        raise BadInput(f"{place}.outcome must be accepted or overridden.")
    reason, comment = _override(entry, place) if answer is Answer.OVERRIDDEN else ("", "")
    return Feedback(
        card=_card(entry.get("card"), f"{place}.card"),
        answer=answer,
        at=_moment(entry.get("outcomeTimestamp"), f"{place}.outcomeTimestamp"),
        suggestions=frozenset(_accepted(entry, place)) if answer is Answer.ACCEPTED else frozenset(),
        reason=reason,
        comment=comment,
    )


def _card(value: Any, place: str) -> UUID:
    """Any id is taken, for cards may be old or another service's; one that is no UUID is simply never found."""
    if not isinstance(value, str) or not value:
        raise BadInput(f"{place} is required: the uuid of the card.")
    try:
        return UUID(value)
    except ValueError:
        return UUID(int=0)


def _moment(value: Any, place: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise BadInput(f"{place} is required and must be a time in ISO 8601: 2024-03-05T12:00:00Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _accepted(entry: Mapping[str, Any], place: str) -> Iterator[UUID]:
    listed = [] if entry.get("acceptedSuggestions") is None else entry["acceptedSuggestions"]
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise BadInput(f'{place}.acceptedSuggestions must be a list of {{"id": ...}}.')
    for number, one in enumerate(listed):
        yield _card(one.get("id"), f"{place}.acceptedSuggestions[{number}].id")


def _override(entry: Mapping[str, Any], place: str) -> tuple[str, str]:
    """The reasons' codes and the user's comments, either of which may be missing.

    The specification has one overrideReason; some EHRs send overrideReasons, a list or one object, each like it or the
    bare Coding of the reason.
    """
    told = [
        _reason(given, f"{place}.{name}")
        for name in _OVERRIDES
        for given in _listed(entry.get(name), f"{place}.{name}")
    ]
    codes = dict.fromkeys(code for code, _ in told if code)
    comments = dict.fromkeys(comment for _, comment in told if comment)
    return ", ".join(codes)[:_LONGEST_CODE], " ".join(comments)[:_LONGEST_COMMENT]


def _listed(value: Any, place: str) -> list[Mapping[str, Any]]:
    listed = [] if value is None else value if isinstance(value, list) else [value]
    if not all(isinstance(given, dict) for given in listed):
        raise BadInput(f"{place} must be a JSON object, or a list of them.")
    return listed


def _reason(given: Mapping[str, Any], place: str) -> tuple[str, str]:
    reason = given if "code" in given and given.get("reason") is None else given.get("reason") or {}
    comment = given.get("userComment") or ""
    code = reason.get("code") or "" if isinstance(reason, dict) else None
    if not isinstance(code, str) or not isinstance(comment, str):
        raise BadInput(f"{place} holds reason.code and userComment, both text.")
    if "\x00" in code + comment:
        raise BadInput(f"{place} holds a NUL character, which no text has.")
    return code, comment
