"""Booked appointments in a patient's words: which day, what time, where, and what to ask for where the record does not say."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from config.tenants import UTC
from service.domain.plan import Booking, FollowUp
from service.domain.record import Slot
from service.domain.sensitivity import may_be_shared
from service.presentation.speech import Speech


@dataclass(frozen=True, slots=True)
class Booked:
    """Says when and where. zone is where the hospital's clocks hang, UTC where nobody has said."""

    speech: Speech
    zone: ZoneInfo

    def visit(self, visit: FollowUp, on: date) -> Iterator[str]:
        """One that the plan asks for. The place of sensitive care would tell what it is, so it is asked for."""
        say, at = self.speech.say, self._time_of(visit.slot)
        if at:
            day, clock = self.speech.day(at.date()), self.speech.clock(at)
            yield say("It is booked for {day} at {time}.", day=day, time=clock)
        else:
            yield say("It is booked for {day}.", day=self.speech.day(on))
        place = visit.slot if may_be_shared(visit.labels) else None
        yield from self._where(place)
        if not _is_named(place):
            both = say("Ask for the time and place before you leave.")
            yield say("Ask for the place before you leave.") if at else both
        elif not at:
            yield say("Ask for the time before you leave.")

    def other(self, booking: Booking, *, is_patient: bool) -> Iterator[str]:
        """One that nobody but the record speaks of. What it is for is not said: those words were not written for a patient.

        Where it is may tell anyone else what it is for.
        """
        say, at = self.speech.say, self._time_of(booking.slot)
        if at:
            day, clock = self.speech.day(at.date()), self.speech.clock(at)
            yield say("You also have a visit on {day} at {time}.", day=day, time=clock)
        else:
            yield say("You also have a visit on {day}.", day=self.speech.day(booking.on))
        place = booking.slot if is_patient and may_be_shared(booking.labels) else None
        yield from self._where(place)
        if _is_named(place):
            yield say("Ask what it is for.") if at else say("Ask what it is for, and for the time.")
        elif at:
            yield say("Ask what it is for, and for the place.")
        else:
            yield say("Ask what it is for, and for the time and place.")

    def _where(self, slot: Slot | None) -> Iterator[str]:
        if slot and slot.place:
            yield self.speech.say("Go to: {place}.", place=slot.place.rstrip("."))
        if slot and slot.phone:
            yield self.speech.say("Call {phone}.", phone=slot.phone)

    def _time_of(self, slot: Slot | None) -> datetime | None:
        """The time on the wall there. Midnight stands for no time; UTC alone does not say what the clock there shows."""
        if slot is None or slot.at is None:
            return None
        known = self.zone is not UTC
        at = slot.at.astimezone(self.zone) if known else slot.at
        if not known and at.utcoffset() == timedelta():
            return None
        return at if at.time() != time() else None


def _is_named(slot: Slot | None) -> bool:
    return slot is not None and bool(slot.place)
