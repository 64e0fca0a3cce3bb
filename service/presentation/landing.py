"""Where each item of a plan stands in the EHR, and why there: for the status document, the page and the table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from fhir_mappings.outbound.document import DOCUMENT_KEY
from fhir_mappings.outbound.further import place_of
from fhir_mappings.outbound.message import MESSAGE_KEY
from service.domain.decision import WHOLE_PLAN
from service.domain.plan import Item, Plan
from service.domain.publication import UNSENT, Landing, LedgerEntry, WriteStanding, WriteState
from service.domain.sensitivity import may_be_shared
from service.domain.write_reason import WriteReason
from service.pipeline.publishing.write_policy import is_set_aside

_SENSITIVE: Final = (
    "It is sensitive, so it stands in nothing that is shared. It stands on Homeward's page only."
)
_EXISTING: Final = "It was there before the plan."
_ON_OUR_PAGE: Final = "It stands on Homeward's page only."
_WITH_THE_PLAN: Final = "It has no resource of its own; its words go with the plan's."
#: The key of what holds the words of what has no resource of its own.
_HOLDERS: Final[Mapping[Landing, str]] = {
    Landing.CARE_PLAN: WHOLE_PLAN,
    Landing.DOCUMENT: DOCUMENT_KEY,
    Landing.MESSAGE: MESSAGE_KEY,
}
#: Words that are not in the EHR, or not as they are wanted: what stands in them stands no better.
_NOT_THERE: Final = frozenset(
    {WriteStanding.WAITING, WriteStanding.UNSIGNED, WriteStanding.REFUSED, WriteStanding.UNKNOWN}
)


@dataclass(frozen=True, slots=True)
class Standing:
    """One item: its key and title, the rung on which it stands, why, and what a person must look at ("" for nothing).

    reference is the resource in the EHR, "" where it has none of its own; state is the write's, "" where there is none.
    standing is the word for it that people, REST and metrics share, of what holds its words where it has no resource of its
    own ("" where nothing is written), since when it stands so.
    """

    item: str
    title: str
    rung: Landing
    reason: str
    reference: str = ""
    state: str = ""
    problem: str = ""
    standing: str = ""
    since: datetime | None = None
    #: Why, as a code for programs (WriteReason); "" where nothing of its own is written or there is nothing to say.
    code: str = ""


def landing(plan: Plan, written: Sequence[LedgerEntry]) -> tuple[Standing, ...]:
    """All items of the plan in its order, the plan itself first; then what the lower rungs are made of.

    Last what an earlier plan wrote, this one no longer proposes, and we could not or must not take back.
    """
    rows = {entry.draft.key: entry for entry in written if entry.wanted}
    whole = rows.get(WHOLE_PLAN)
    if whole is None:  # a hospital where nothing is written
        return ()
    rows |= _made_anew(written, rows)
    items = [_item(item, rows, whole) for item in plan.items()]
    told = {one.item for one in items} | {WHOLE_PLAN}
    rest = [_row(entry, rows) for key, entry in rows.items() if key not in told and _is_lower(entry)]
    aside = next((entry.problem for entry in rows.values() if is_set_aside(entry)), "")
    left = [_row(entry, rows) for entry in written if entry.draft.key not in rows and _is_left_over(entry)]
    return tuple(_kept_back(row, aside) for row in (_row(whole, rows), *items, *rest, *left))


def _made_anew(written: Sequence[LedgerEntry], rows: Mapping[str, LedgerEntry]) -> dict[str, LedgerEntry]:
    """What holds words of this plan, and is wanted again once the next run knows what it is to say: until then it waits."""
    holders = {_HOLDERS.get(entry.rung, "") for entry in rows.values()} - {""}
    return {
        entry.draft.key: replace(
            entry,
            wanted=True,
            state=WriteState.WAITING if entry.standing is WriteStanding.LEFT else entry.state,
        )
        for entry in written
        if not entry.wanted
        and any(place_of(entry.draft.key, base) for base in holders)
        and entry.standing not in {WriteStanding.WITHDRAWN, WriteStanding.REPLACED}
    }


def _is_left_over(entry: LedgerEntry) -> bool:
    """Whether it stands in the EHR against the plan, and a person must see to it. Its words are the EHR's to show."""
    stands = bool(entry.reference) and not entry.wanted and entry.reason is not WriteReason.NONE
    return stands and entry.state is not WriteState.REVOKED and _is_lower(entry)


def _kept_back(one: Standing, aside: str) -> Standing:
    """On our page alone, where the hospital's policy sends nothing; what was in the EHR before stands there."""
    if not aside or one.reference:
        return one
    return replace(
        one,
        rung=Landing.PAGE,
        reason=f"{aside} {_ON_OUR_PAGE}",
        state="",
        problem="",
        standing="",
        since=None,
    )


def _item(item: Item, rows: Mapping[str, LedgerEntry], whole: LedgerEntry) -> Standing:
    title = str(getattr(item, "title", "") or getattr(item, "text", ""))
    existing = str(getattr(item, "existing", ""))
    if item.key in rows:
        return _row(rows[item.key], rows, title)
    if existing:
        return Standing(item.key, title, Landing.RESOURCE, _EXISTING, existing)
    if not may_be_shared(item.labels):
        return Standing(item.key, title, Landing.PAGE, _SENSITIVE)
    rung: Landing = Landing.CARE_PLAN if whole.rung is Landing.RESOURCE else whole.rung
    words = _words(rung, rows) or whole
    known = words.standing is not WriteStanding.THEIRS  # whose words a person changed, the EHR shows
    standing = words.standing.value if known else ""
    why = whole.why_there or (_ON_OUR_PAGE if rung is Landing.PAGE else _WITH_THE_PLAN)
    if words.standing is WriteStanding.UNSIGNED:
        rung, why = _until_signed(whole, words, rows)
    return Standing(item.key, title, rung, why, standing=standing, since=words.since if known else None)


def _words(rung: Landing, rows: Mapping[str, LedgerEntry]) -> LedgerEntry | None:
    """The row of what holds the words of what stands on this rung; of further documents the newest."""
    links = [(place_of(key, _HOLDERS.get(rung, "")), entry) for key, entry in rows.items()]
    holders = [
        (place.number, entry)
        for place, entry in links
        if place and entry.standing is not WriteStanding.REPLACED
    ]
    return max(holders, key=lambda holder: holder[0])[1] if holders else None


def _until_signed(
    entry: LedgerEntry, words: LedgerEntry, rows: Mapping[str, LedgerEntry]
) -> tuple[Landing, str]:
    """Where an item stands whose words wait for a signature, and why: on our page, unless an earlier document is there."""
    base = _HOLDERS.get(entry.rung, WHOLE_PLAN)
    is_told = any(other.reference for key, other in rows.items() if place_of(key, base))
    said = (entry.problem, "" if is_told else _ON_OUR_PAGE, words.problem)
    return (entry.rung if is_told else Landing.PAGE), " ".join(dict.fromkeys(filter(None, said)))


def _row(entry: LedgerEntry, rows: Mapping[str, LedgerEntry], title: str = "") -> Standing:
    lower = entry.state in UNSENT and entry.rung is not Landing.RESOURCE and not entry.reference
    words = _words(entry.rung, rows) if lower else None
    # In words further down, as these stand where they are not there; or not at all: this EHR takes no such resource.
    told = words if words and words.standing in _NOT_THERE else None
    standing = WriteStanding.NOT_POSSIBLE if lower else entry.standing
    rung, why = entry.rung, entry.why_there
    if told and told.standing is WriteStanding.UNSIGNED:
        rung, why = _until_signed(entry, told, rows)
    return Standing(
        entry.draft.key,
        title or entry.draft.resource_type,
        rung,
        why,
        entry.reference,
        # What has come to its rung waits for nothing of its own, and the reason says why it is there.
        "" if lower else entry.state.value,
        "" if lower else entry.problem,
        (told.standing if told else standing).value,
        told.since if told else entry.since,
        code=entry.reason.value,
    )


def _is_lower(entry: LedgerEntry) -> bool:
    """Not who made the others (Provenance), and nothing of what is told only with its item."""
    return entry.draft.resource_type != "Provenance" and not entry.draft.is_restricted
