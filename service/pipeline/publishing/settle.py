"""What became of a write of which no answer is known, as the EHR shows it. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from fhir_mappings.merge import has_arrived, is_all_there, same_version
from fhir_mappings.references import reference_of
from service.domain.absence import Conclusion
from service.domain.publication import InFlight, LedgerEntry, WriteState
from service.domain.write_reason import WriteReason
from service.pipeline.publishing.actions import Observed, Sight

#: As many looks in a row, minutes apart, that the EHR did not let us make are no passing fault.
LOOKS_NOT_LET: Final = 4
#: So many looks in a row, minutes apart, may miss what an EHR has and has not indexed yet.
LOOKS_NOT_SHOWN: Final = 3
_FIRST_VERSION: Final = 'W/"1"'


#: What a look says by itself, whatever was in flight.
_SAYS: Final[Mapping[Sight, tuple[WriteState, WriteReason]]] = {
    Sight.SEVERAL: (WriteState.THEIRS, WriteReason.MORE_THAN_ONE),
    Sight.PERHAPS: (WriteState.UNKNOWN, WriteReason.PERHAPS_THERE),
    Sight.NO_WAY: (WriteState.UNKNOWN, WriteReason.CANNOT_LOOK),
}


def settle(
    entry: LedgerEntry,
    look: Observed,
    *,
    may_come: bool = False,
    is_sure: bool = True,
    shows_at_once: bool = True,
) -> LedgerEntry:
    """The entry with what a look says of its doubtful write; one without doubt, and one that was not looked for, as it is.

    may_come: what the look does not show may still arrive, and once more if it were sent again. is_sure is False where it is
    looked for without an identifier: what no look shows may be there all the same, so that a person is asked, as at once
    where the EHR does not show what it has taken.
    """
    if not entry.is_doubtful or look.sight is Sight.UNSEEN:
        return entry
    if look.sight is Sight.THERE:
        return _as_seen(entry, look)
    if look.sight is Sight.NOWHERE and shows_at_once and may_come:
        return missed(entry, WriteReason.NOT_FOUND_OUT)
    if look.sight is Sight.NOWHERE:
        return _not_arrived(entry) if is_sure else _not_seen(entry, shows_at_once=shows_at_once)
    if look.sight in _SAYS:
        state, reason = _SAYS[look.sight]
        sent = entry.in_flight if state is WriteState.UNKNOWN else None
        return entry.moved_to(state, reason, in_flight=sent, attempts=0)
    return _not_shown(entry, look)


def _not_seen(entry: LedgerEntry, *, shows_at_once: bool) -> LedgerEntry:
    """What is never sent again although no look shows it: only a person can say that it is not there."""
    if entry.state is WriteState.UNKNOWN:
        return entry
    if shows_at_once and entry.attempts < LOOKS_NOT_SHOWN:
        return missed(entry, WriteReason.NOT_FOUND_OUT)
    return entry.moved_to(WriteState.UNKNOWN, WriteReason.NOT_SHOWN, attempts=0)


def _not_shown(entry: LedgerEntry, look: Observed) -> LedgerEntry:
    if look.absence is Conclusion.GONE:
        return entry.moved_to(WriteState.THEIRS, WriteReason.REMOVED_BY_PERSON, in_flight=None, attempts=0)
    if look.sight is Sight.NOT_LET and entry.attempts >= LOOKS_NOT_LET:
        return entry.moved_to(WriteState.UNKNOWN, WriteReason.NOT_LET_LOOK, attempts=entry.attempts + 1)
    is_absent = look.sight is Sight.ABSENT
    return missed(entry, WriteReason.ABSENT_ONCE if is_absent else WriteReason.NOT_FOUND_OUT)


def missed(entry: LedgerEntry, reason: WriteReason, detail: str = "") -> LedgerEntry:
    """The same entry after a try that did not get through: it is tried again. That theirs stands is not forgotten."""
    if entry.state is WriteState.THEIRS and entry.reason is not WriteReason.NONE:
        return replace(entry, attempts=entry.attempts + 1)
    return replace(entry, reason=reason, detail=detail, attempts=entry.attempts + 1)


def arrived(entry: LedgerEntry, sent: InFlight, *, reference: str, etag: str) -> LedgerEntry:
    """The entry once the EHR has what was sent. A wish that is newer than that waits."""
    is_newer = sent.becomes is WriteState.LANDED and sent.digest != entry.digest
    return entry.moved_to(
        WriteState.WAITING if is_newer else sent.becomes,
        sent.reason,
        reference=reference or entry.reference,
        etag=etag or entry.etag,
        observed=etag if sent.is_ours_alone else "",
        sent=sent.said if sent.said is not None else sent.body,
        sent_digest=sent.digest,
        in_flight=None,
        status_before=sent.status_before,
        status_given=sent.status_given,
        attempts=0,
        refused_as="",
    )


def _as_seen(entry: LedgerEntry, look: Observed) -> LedgerEntry:
    sent = entry.in_flight or InFlight(entry.draft.body, entry.digest, WriteState.WAITING)
    is_whole = is_all_there(sent.body, look.resource)
    if not entry.reference:
        # Of a create that was found, another version is somebody's change of what we sent.
        is_untouched = is_whole or look.etag == _FIRST_VERSION
        seen = arrived(entry, sent, reference=reference_of(look.resource), etag=look.etag)
        return seen if is_untouched else replace(seen, etag="", observed="")
    if same_version(entry.etag, look.etag) or not _shows(sent, entry, look):
        return _not_arrived(entry)
    # With another's change on top, the version is not that of our receipt.
    if is_whole:
        return arrived(entry, sent, reference=entry.reference, etag=look.etag)
    return replace(arrived(entry, sent, reference=entry.reference, etag=entry.etag), observed="")


def _shows(sent: InFlight, entry: LedgerEntry, look: Observed) -> bool:
    return has_arrived(entry.sent or {}, sent.said or sent.body, look.resource)


def _not_arrived(entry: LedgerEntry) -> LedgerEntry:
    was = entry.in_flight.was if entry.in_flight else WriteState.WAITING
    is_newer = was is WriteState.LANDED and entry.sent_digest != entry.digest
    state = WriteState.WAITING if is_newer or was in {WriteState.SENDING, WriteState.UNKNOWN} else was
    return entry.moved_to(state, in_flight=None, attempts=0)
