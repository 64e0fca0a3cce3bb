"""The sheet the patient takes home: plain words, what to do, when, whom to call, in English or a language we have.

Someone else may read it at home. Violence, abuse and shelters are not on it at all; other sensitive care stands in the
neutral words of its protocol, without the name of a service, and never as a diagnosis, an instrument or a result.
A proxy or a caregiver, or a reader of whom nothing is known, gets what may be shared with anyone. The lines about 988 and
211 are on every sheet, so that they say nothing about anyone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from config.languages import languages_known
from config.tenants import UTC
from service.domain.assessment import Outcome
from service.domain.community_service import Match
from service.domain.need import NEUTRAL_TITLE, Need
from service.domain.plan import ITEM_LISTS, Booking, Education, FollowUp, Goal, Plan, Referral
from service.domain.sensitivity import Labels, PatientSheet, may_be_shared, on_patient_sheet
from service.presentation.booked import Booked
from service.presentation.sheet_form import Contact, find_sheet_form, sheet_form_remarks
from service.presentation.speech import Speech, name_of, speech_for


class Reader(StrEnum):
    """For whom a sheet is written."""

    PATIENT = "patient"
    PROXY = "proxy"  # a caregiver, a family member, a portal account of someone else


#: From and before which age state laws may let a minor consent alone to some care (the laws differ; review: pending).
_YOUNGEST: Final = 12
_OF_AGE: Final = 18


@dataclass(frozen=True, slots=True)
class _Hospital:
    """What the sheet says of the hospital: its phone, the zone of its clocks."""

    phone: str = ""
    zone: ZoneInfo = UTC


@dataclass(frozen=True, slots=True)
class SheetNote:
    """What the staff must know of the sheet they hand out, in their words; it never stands on the sheet itself.

    language is the BCP 47 tag it is written in, wanted the one the record names, "" if it names none.
    """

    language: str
    wanted: str
    text: str


@dataclass(frozen=True, slots=True)
class SheetPart:
    """A heading with its lines."""

    heading: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet before it is set in type: language is its BCP 47 tag, opening what stands below the title."""

    language: str
    title: str
    opening: tuple[str, ...]
    parts: tuple[SheetPart, ...]

    def as_text(self) -> str:
        """Plain text with the headings in capitals."""
        blocks = [
            [self.title.upper(), *self.opening],
            *([part.heading.upper(), *(f"- {line}" for line in part.lines)] for part in self.parts),
        ]
        return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def patient_sheet(plan: Plan, reader: str = "", *, phone: str = "", zone: ZoneInfo = UTC) -> str:
    """Plain text with a heading for each part; "" for a patient who has died or goes to another hospital.

    reader is a Reader; any other word is treated as a proxy. phone is the hospital's, "" if not known; zone is where its
    clocks hang, UTC if not known.
    """
    sheet = write_sheet(plan, reader, phone=phone, zone=zone)
    return sheet.as_text() if sheet else ""


def write_sheet(plan: Plan, reader: str = "", *, phone: str = "", zone: ZoneInfo = UTC) -> Sheet | None:
    """Write the same sheet in parts; None where there is none."""
    return _written(plan, reader, _Hospital(phone, zone), speech_for(plan.patient))


def sheet_note(plan: Plan) -> SheetNote:
    """In which language the patient's sheet is, why, and what of it a person must still do."""
    speech = speech_for(plan.patient)
    _written(plan, Reader.PATIENT, _Hospital(), speech)
    remarks = (*_remarks(speech), *sheet_form_remarks(find_sheet_form(plan)), *_to_hand_over(plan))
    return SheetNote(speech.language, speech.wanted, " ".join(remarks))


def _written(plan: Plan, reader: str, hospital: _Hospital, speech: Speech) -> Sheet | None:
    if plan.outcome is not Outcome.GOING_HOME:
        return None
    is_patient = reader == Reader.PATIENT
    seen = _of_the_patient(plan) if is_patient else plan.shareable()
    contact = find_sheet_form(seen).contact
    sheet = _Sheet(speech, {need.code: need for need in seen.needs}, hospital, contact, is_patient=is_patient)
    # The same for everybody: of those who do not go home, a title of their own would tell whoever sees it.
    title = speech.say("Your plan for leaving the hospital")
    parts = (_part(heading, lines) for heading, lines in sheet.sections(seen))
    told = tuple(part for part in parts if part.lines)
    return Sheet(speech.language, title, tuple(sheet.about_language()), told)


def _of_the_patient(plan: Plan) -> Plan:
    """What everybody may read, and what is sensitive beside it.

    What an open statement and a sensitive one both lead to stands as the open one says it: without the sensitive one
    the sheet would say the same, so it tells nothing of violence to whoever finds it.
    """
    told = plan.for_everybody
    if told is None:
        return plan
    open_needs = {need.code for need in told.present()}
    more: dict[str, tuple[Any, ...]] = {
        name: tuple(item for item in getattr(plan, name) if item.labels and item.need not in open_needs)
        for name in ITEM_LISTS
    }
    lists: dict[str, Any] = {name: (*getattr(told, name), *items) for name, items in more.items()}
    visits = sorted(lists.pop("follow_ups"), key=lambda visit: visit.due)
    known = {booking.reference for booking in told.bookings}
    others = tuple(booking for booking in plan.bookings if booking.reference not in known)
    return replace(
        told,
        needs=(*told.needs, *(need for need in plan.present() if need.code not in open_needs)),
        bookings=tuple(sorted((*told.bookings, *others), key=lambda one: (one.on, one.reference))),
        follow_ups=tuple(visits),
        **lists,
    )


def _remarks(speech: Speech) -> Iterator[str]:
    """The language is English where no other is said."""
    name = name_of(speech.language)
    if not speech.wanted:
        yield "English: the record names no preferred language. Ask the patient."
    elif speech.language == speech.wanted:
        yield f"{name}: the patient's preferred language."
    else:
        yield f"English: there is no translation into {name_of(speech.wanted)}. Go over it with an interpreter."
    if speech.catalogue and not speech.catalogue.reviewed:
        yield "The translation was not yet checked by a qualified translator (review: pending)."
    if speech.untranslated:
        yield f"{len(speech.untranslated)} sentences are not translated and stand in English."


def _to_hand_over(plan: Plan) -> Iterator[str]:
    """A parent may read the sheet of a young patient, who may have a right to keep some care to themselves."""
    age = plan.patient.age_on(plan.today)
    if age is not None and _YOUNGEST <= age < _OF_AGE and plan.withholds():
        yield (
            f"The patient is {age}: hand this sheet over in private, and give parents the one for a proxy "
            "where state law lets the patient consent alone."
        )


def _part(heading: str, lines: Iterable[str]) -> SheetPart:
    return SheetPart(heading, tuple(line for line in dict.fromkeys(lines) if line))


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A sheet being written. needs are those of which the reader may know, by their code."""

    speech: Speech
    needs: dict[str, Need]
    hospital: _Hospital
    contact: Contact
    is_patient: bool

    def sections(self, plan: Plan) -> Iterator[tuple[str, list[str]]]:
        """Each heading with its lines."""
        say = self.speech.say
        yield say("What we are setting up for you"), [self._referral(x) for x in plan.referrals]
        yield say("Your visits and calls"), list(self._visits(plan))
        yield say("What you can work on"), [self._goal(x) for x in plan.goals]
        yield say("Good to know"), [self._lesson(x) for x in plan.education if not x.warns]
        yield say("When to call for help"), [*self._warning_signs(plan), *self._always_call()]
        yield say("Whom you can call"), list(self._helpers())

    def about_language(self) -> Iterator[str]:
        """Said to the patient, once all else is: what is not in their language, and that an interpreter is free."""
        say, wanted = self.speech.say, self.speech.wanted
        if wanted != self.speech.language:
            if wanted and not languages_known().is_signed(wanted):
                named = name_of(wanted, spoken_in=wanted)
                yield say("We do not have this sheet in your language yet ({language}).", language=named)
            yield say("This sheet is in English. Ask us if you need an interpreter. It is free.")
        elif self.speech.untranslated:
            yield say("Parts marked as English are not translated yet. Ask for an interpreter. It is free.")

    def _referral(self, referral: Referral) -> str:
        words = self._words(referral.patient_text, referral.title, referral)
        return _joined(words, *self._whom_to_call(referral)) if words else ""

    def _whom_to_call(self, referral: Referral) -> list[str]:
        """The first service whose name gives nothing away; of sensitive care none, as a name can be a diagnosis.

        What is ordered already has a provider whom we do not know.
        """
        if referral.existing or not may_be_shared(referral.labels):
            return []
        offers = [x for x in referral.community_services if may_be_shared(x.service.labels)]
        return [self._offer(offers[0], referral.service_title)] if offers else []

    def _offer(self, match: Match, title: str) -> str:
        """Who helps is called as they call themselves; what they do, in the patient's language where it is another."""
        say, service = self.speech.say, match.service
        translated = self.speech.catalogue is not None and bool(title and service.organization)
        names = (say(title) if translated else service.name, service.organization)
        place = ", ".join(dict.fromkeys(name for name in names if name))
        parts = [say("One place that can help: {place}.", place=place)]
        parts += [say("Call {phone}.", phone=service.phone)] if service.phone else []
        return _joined(*parts, say("You may choose another."))

    def _visits(self, plan: Plan) -> Iterator[str]:
        """Several needs ask for a visit each: nobody must go twice to the same doctor in one week for that."""
        to_book = {line for visit in plan.follow_ups if not visit.booked and (line := self._visit(visit))}
        if len(to_book) > 1:
            yield self.speech.say("One visit or call may be enough for more than one of these. Ask us.")
        yield from map(self._visit, plan.follow_ups)
        yield from map(self._booking, _other_bookings(plan))
        if self.contact is Contact.IN_WRITING:
            yield self.speech.say("We can text or use a relay service if you do not hear well on the phone.")
        if self.contact is Contact.NO_PHONE:
            yield self.speech.say("Tell us how we can reach you if you have no phone.")

    def _visit(self, visit: FollowUp) -> str:
        words = self._words(visit.patient_text, visit.text, visit)
        return _joined(words, self._when(visit)) if words else ""

    def _when(self, visit: FollowUp) -> str:
        say, day = self.speech.say, self.speech.day
        if visit.booked:
            return _joined(*self._calendar().visit(visit, visit.booked))
        if visit.not_before >= visit.due:
            return say("On {day}.", day=day(visit.due))
        return say("By {day}.", day=day(visit.due))

    def _booking(self, booking: Booking) -> str:
        if _withheld(booking.labels):
            return ""
        return _joined(*self._calendar().other(booking, is_patient=self.is_patient))

    def _calendar(self) -> Booked:
        return Booked(self.speech, self.hospital.zone)

    def _goal(self, goal: Goal) -> str:
        """Goals are written for the team: only those with words for the patient stand here."""
        return self._own_words(goal)

    def _lesson(self, lesson: Education) -> str:
        words = self._own_words(lesson)
        if not words or not lesson.link or not may_be_shared(lesson.labels):
            return words
        return _joined(words, self.speech.say("Read more: {link}", link=lesson.link))

    def _warning_signs(self, plan: Plan) -> Iterator[str]:
        """Signs of danger are the patient's to know, whatever they come from, unless it is violence."""
        for need in plan.present():
            if not _withheld(need.labels):
                yield from (self._sentence(sign) for sign in need.interventions.warning_signs)
        yield from (self._own_words(lesson) for lesson in plan.education if lesson.warns)

    def _always_call(self) -> Iterator[str]:
        yield self.speech.say("Call your doctor if you feel worse or are not sure what to do.")
        yield self.speech.say("In an emergency, call 911.")

    def _helpers(self) -> Iterator[str]:
        say = self.speech.say
        if phone := self.hospital.phone:
            yield say("Questions about this plan? Call {phone}. Ask for the social worker.", phone=phone)
        else:
            yield say("Questions about this plan? Call the hospital. Ask for the social worker.")
        yield say("If you feel very upset or need to talk, call or text 988. It is free, day and night.")
        yield say("For help with food, housing, rides or bills, call 211. It is free.")

    def _words(self, patient_text: str, title: str, item: Referral | FollowUp) -> str:
        """An item in its own plain words or its title; where it is sensitive, in its neutral words, or not at all."""
        standing = on_patient_sheet(item.labels)
        if standing is PatientSheet.WITHHELD:
            return ""
        if standing is PatientSheet.AS_IT_IS:
            return self._sentence(patient_text or title)
        if patient_text and self._is_neutral(item):
            return self._sentence(patient_text)
        neutral = self._sentence(self._neutral_title(item))
        return _joined(neutral, self.speech.say("Ask your care team about it."))

    def _own_words(self, item: Goal | Education) -> str:
        """The plain words of an item, if it has any and they give nothing away."""
        if may_be_shared(item.labels) or (not _withheld(item.labels) and self._is_neutral(item)):
            return self._sentence(item.patient_text)
        return ""

    def _is_neutral(self, item: Referral | FollowUp | Goal | Education) -> bool:
        """Whether its plain words were written for a sensitive need: those of any other may name what it is about."""
        return bool(self.needs[item.need].neutral_title) if item.need in self.needs else False

    def _neutral_title(self, item: Referral | FollowUp) -> str:
        return (self.needs[item.need].neutral_title if item.need in self.needs else "") or NEUTRAL_TITLE

    def _sentence(self, text: str) -> str:
        said = self.speech.say(text.strip())
        return said if not said or said.endswith((".", "!", "?", ")")) else f"{said}."


def _other_bookings(plan: Plan) -> Iterator[Booking]:
    """The booked visits that none of the plan's own follow-ups speaks of."""
    spoken_of = {visit.existing for visit in plan.follow_ups}
    return (booking for booking in plan.bookings if booking.reference not in spoken_of)


def _joined(*sentences: str) -> str:
    return " ".join(sentences)


def _withheld(labels: Labels) -> bool:
    return on_patient_sheet(labels) is PatientSheet.WITHHELD
