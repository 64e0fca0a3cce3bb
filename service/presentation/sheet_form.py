"""The form in which the patient's sheet is to be given: what a person needs who cannot see, hear, read or be called.

It rests on needs that may be shared with anyone, so that it tells nothing that the shared plan does not tell.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from service.domain.evidence import Certainty
from service.domain.need import Need, NeedState
from service.domain.plan import Plan
from service.domain.sensitivity import may_be_shared
from service.presentation.speech import name_of, speech_for


class Contact(StrEnum):
    """How the patient can be reached after leaving."""

    PHONE = "phone"
    IN_WRITING = "text, relay or video"
    NO_PHONE = "no phone"


@dataclass(frozen=True, slots=True)
class SheetForm:
    """How the sheet is given and how calls are made; why names the needs behind it, in the staff's words."""

    large_print: bool = False
    read_aloud: bool = False
    contact: Contact = Contact.PHONE
    why: tuple[str, ...] = ()


_LARGE_PRINT: Final = frozenset({"vision-rehabilitation"})
_READ_ALOUD: Final = frozenset({"vision-rehabilitation", "personal-health-literacy"})
_CONTACTS: Final = {"hearing-communication": Contact.IN_WRITING, "digital-access": Contact.NO_PHONE}
#: What the staff are told to do, for each contact that is no call.
_CONTACT_NOTES: Final = {
    Contact.IN_WRITING: "Make follow-up calls by text, relay, captions or video, not by voice.",
    Contact.NO_PHONE: "Settle how the patient is reached without a phone of their own.",
}


def find_sheet_form(plan: Plan) -> SheetForm:
    """Return the form for this patient; a need that only words of the record hint at counts, and says so."""
    needs = {need.code: need for need in plan.needs if _counts(need)}
    contacts = [contact for code, contact in _CONTACTS.items() if code in needs]
    return SheetForm(
        large_print=not _LARGE_PRINT.isdisjoint(needs),
        read_aloud=not _READ_ALOUD.isdisjoint(needs) or bool(_missing_language(plan)),
        contact=contacts[0] if contacts else Contact.PHONE,
        why=tuple(_reasons(plan, needs)),
    )


def sheet_form_remarks(form: SheetForm) -> Iterator[str]:
    """Yield what the staff do with the sheet, each as a sentence."""
    if form.large_print:
        yield "Print it in large print."
    if form.read_aloud:
        yield "Read it aloud to the patient once."
    if form.contact in _CONTACT_NOTES:
        yield _CONTACT_NOTES[form.contact]
    if form.why:
        yield f"Why: {'; '.join(form.why)}."


def _counts(need: Need) -> bool:
    if not may_be_shared(need.labels):
        return False
    hinted = any(item.certainty is not Certainty.SUPPORTED for item in need.evidence)
    return need.state is NeedState.PRESENT or (need.state is NeedState.NOT_ASSESSED and hinted)


def _reasons(plan: Plan, needs: dict[str, Need]) -> Iterator[str]:
    for code in (*sorted(_LARGE_PRINT | _READ_ALOUD), *_CONTACTS):
        if code in needs:
            need = needs[code]
            yield need.title if need.state is NeedState.PRESENT else f"{need.title}, to be confirmed"
    if language := _missing_language(plan):
        yield f"No translation into {name_of(language)}"


def _missing_language(plan: Plan) -> str:
    """Return the preferred language, where the sheet is not in it; "" otherwise."""
    speech = speech_for(plan.patient)
    return speech.wanted if speech.wanted and speech.wanted != speech.language else ""
