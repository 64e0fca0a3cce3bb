"""Why a resource stands as it does: codes for the ledger, and one sentence for each, for people.

Programs compare codes. A sentence is looked up where somebody reads it (page, REST, table) and decides nothing, so that
it can be reworded or translated at any time.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class WriteReason(StrEnum):
    """Why a write waits, cannot be, or is a person's. The values are stored; a new one needs no migration."""

    NONE = ""
    # --- it waits, and is tried again by itself ---
    WAITS_FOR_ANOTHER = "waits-for-another"
    NO_ANSWER = "no-answer"
    NOT_LET = "not-let"
    NOT_REACHED = "not-reached"
    CHANGED_MEANWHILE = "changed-meanwhile"
    NOT_FOUND_OUT = "not-found-out"
    ABSENT_ONCE = "absent-once"
    UNREAD = "unread"
    LEFT_TO_CLINICIAN = "left-to-clinician"
    WHICH_ORDER = "which-order"
    # --- it waits for a person to sign the plan ---
    NOT_SIGNED = "not-signed"
    # --- the EHR read it and said no ---
    REJECTED = "rejected"
    # --- it cannot be in this EHR ---
    NO_CREATE = "no-create"
    NOT_TAKEN = "not-taken"
    NOT_WANTED = "not-wanted"
    NO_UPDATE = "no-update"
    NO_WITHDRAWAL = "no-withdrawal"
    NOT_FINDABLE = "not-findable"
    NO_MODIFIER_EXTENSIONS = "no-modifier-extensions"
    NOTHING_TO_SPEAK_OF = "nothing-to-speak-of"
    ORDER_RESTS = "order-rests"
    NO_ORDER_CODE = "no-order-code"
    # --- the hospital's write policy ---
    NOT_SENT = "not-sent"
    NOT_WITHDRAWN = "not-withdrawn"
    STAYS = "stays"
    # --- it stands as it was told, and a later one of ours names it ---
    REPLACED = "replaced"
    # --- nobody knows, a person must look ---
    NOT_SHOWN = "not-shown"
    CANNOT_LOOK = "cannot-look"
    NOT_LET_LOOK = "not-let-look"
    PERHAPS_THERE = "perhaps-there"
    # --- a person's ---
    CHANGED_BY_PERSON = "changed-by-person"
    REMOVED_BY_PERSON = "removed-by-person"
    SIGNED_THERE = "signed-there"
    ORDERED_THERE = "ordered-there"
    TAKEN_UP = "taken-up"
    EDITED_BEFORE_WITHDRAWAL = "edited-before-withdrawal"
    AT_THE_SAME_TIME = "at-the-same-time"
    OTHER_WORDS = "other-words"
    VERDICT_KEPT_OUT = "verdict-kept-out"
    MORE_THAN_ONE = "more-than-one"
    # --- a sentence of an earlier version that no code is known for; it is kept as the detail ---
    OTHER = "other"


#: {} is the detail: a resource type, a write policy, or what the EHR answered (status and element paths, never PHI).
SENTENCES: Final[Mapping[WriteReason, str]] = {
    WriteReason.NONE: "",
    WriteReason.WAITS_FOR_ANOTHER: "This waits for another resource of which it is not known whether the EHR has it.",
    WriteReason.NO_ANSWER: "The EHR did not confirm this; it is looked for before it is sent again. {}",
    WriteReason.NOT_LET: "The EHR did not let us write this just now; it is tried again. {}",
    WriteReason.NOT_REACHED: "The EHR could not be reached, and has nothing of this; it is sent once it can be.",
    WriteReason.CHANGED_MEANWHILE: "Someone changed this in the EHR while we wrote; it is read and tried again.",
    WriteReason.NOT_FOUND_OUT: (
        "It is not known whether the EHR has this; the EHR did not answer when it was looked for."
    ),
    WriteReason.ABSENT_ONCE: (
        "The EHR did not show this when it was last read; it is looked for again before anything follows from that."
    ),
    WriteReason.UNREAD: "The EHR did not let us read this before changing it; it is tried again.",
    WriteReason.LEFT_TO_CLINICIAN: "This was offered to a clinician in the EHR, who orders it there or not.",
    WriteReason.NOT_SIGNED: "It is written once a person has signed the plan.",
    WriteReason.WHICH_ORDER: (
        "The EHR holds more than one order that may have come of this; which of them it was nobody can tell, so none is named "
        "and nothing more is suggested."
    ),
    WriteReason.REJECTED: "The EHR did not accept this. {}",
    WriteReason.NO_CREATE: "The EHR does not let us create a {}.",
    WriteReason.NOT_TAKEN: "The EHR takes no {} over its FHIR interface, whatever it says of itself.",
    WriteReason.NOT_WANTED: "The EHR takes a {} as a problem or diagnosis only, and this hospital has not asked for that.",
    WriteReason.NO_UPDATE: "The EHR does not let us change a {}; it stands as first written.",
    WriteReason.NO_WITHDRAWAL: "The EHR does not let us withdraw this; a person must.",
    WriteReason.NOT_FINDABLE: (
        "A {} whose confirmation got lost could not be found again, so it could be made twice."
    ),
    WriteReason.NO_MODIFIER_EXTENSIONS: "The EHR refuses resources with a modifier extension.",
    WriteReason.NOTHING_TO_SPEAK_OF: "Nothing that this speaks of is in the EHR.",
    WriteReason.ORDER_RESTS: (
        "The order that this is about does not stand in the EHR as it was approved, so nobody is asked to act on it."
    ),
    WriteReason.NO_ORDER_CODE: (
        "The hospital has named no order of its own for this, so it is not suggested in the EHR; a person orders it there."
    ),
    WriteReason.NOT_SENT: "This hospital's write policy is {}: nothing is sent to its EHR.",
    WriteReason.NOT_WITHDRAWN: (
        "This hospital's write policy is {}: nothing was sent to its EHR, so nothing is withdrawn."
    ),
    WriteReason.STAYS: (
        "This hospital's write policy is {}: this stays in its EHR as it is; a person must withdraw it."
    ),
    WriteReason.REPLACED: "A later one of ours stands in the EHR and says that it replaces this.",
    WriteReason.NOT_SHOWN: (
        "The EHR did not confirm this and does not show it. It may be there all the same, so it is not sent again: a person "
        "must look, and say whether it is there."
    ),
    WriteReason.CANNOT_LOOK: (
        "It is not known whether the EHR has this, and the EHR offers no way to look; a person must."
    ),
    WriteReason.NOT_LET_LOOK: (
        "It is not known whether the EHR has this, and it does not let us look; a person must."
    ),
    WriteReason.PERHAPS_THERE: (
        "The EHR has something like this, and it cannot be told whether it is ours; a person must look."
    ),
    WriteReason.CHANGED_BY_PERSON: "A person changed this in the EHR; theirs stands.",
    WriteReason.REMOVED_BY_PERSON: "A person removed this from the EHR; it is not written again.",
    WriteReason.SIGNED_THERE: "A clinician signed this in the EHR; theirs stands.",
    WriteReason.ORDERED_THERE: "A clinician ordered this in the EHR; theirs stands.",
    WriteReason.TAKEN_UP: (
        "The plan no longer proposes this, but a person has taken it up or changed it; theirs stands."
    ),
    WriteReason.EDITED_BEFORE_WITHDRAWAL: (
        "A person changed this in the EHR before it was withdrawn; their words stand."
    ),
    WriteReason.AT_THE_SAME_TIME: (
        "Someone else is changing this in the EHR at the same time; theirs stands."
    ),
    WriteReason.OTHER_WORDS: (
        "The EHR holds this in other words than ours, and gave no receipt; they stand."
    ),
    WriteReason.VERDICT_KEPT_OUT: (
        "A person changed this in the EHR and their words stand; how the plan stands by now is told beside it."
    ),
    WriteReason.MORE_THAN_ONE: "The EHR holds more than one copy of this; a person must remove the others.",
    WriteReason.OTHER: "{}",
}
#: The EHR did not let it through, or did not answer: tried again.
PASSING: Final = frozenset(
    {
        WriteReason.WAITS_FOR_ANOTHER,
        WriteReason.NO_ANSWER,
        WriteReason.NOT_LET,
        WriteReason.NOT_REACHED,
        WriteReason.CHANGED_MEANWHILE,
        WriteReason.NOT_FOUND_OUT,
        WriteReason.ABSENT_ONCE,
        WriteReason.UNREAD,
        WriteReason.REJECTED,
    }
)
#: What this EHR, as it says of itself, will not hold: looked at again when it says otherwise.
IMPOSSIBLE: Final = frozenset(
    {
        WriteReason.NO_CREATE,
        WriteReason.NOT_TAKEN,
        WriteReason.NOT_WANTED,
        WriteReason.NO_UPDATE,
        WriteReason.NOT_FINDABLE,
        WriteReason.NO_MODIFIER_EXTENSIONS,
        WriteReason.NOTHING_TO_SPEAK_OF,
        WriteReason.ORDER_RESTS,
        WriteReason.NO_ORDER_CODE,
    }
)
#: In the hands of a clinician who was shown it: we neither write it nor wait for it.
WITH_CLINICIANS: Final = frozenset({WriteReason.LEFT_TO_CLINICIAN, WriteReason.WHICH_ORDER})
#: The hospital's write policy sends nothing.
KEPT_BACK: Final = frozenset({WriteReason.NOT_SENT, WriteReason.NOT_WITHDRAWN, WriteReason.STAYS})
#: What lets these in is in the hands of the EHR, or of its hospital.
SHUT_OUT: Final = frozenset(
    {
        WriteReason.NO_CREATE,
        WriteReason.NOT_TAKEN,
        WriteReason.NOT_WANTED,
        WriteReason.NO_UPDATE,
        WriteReason.NOT_FINDABLE,
        WriteReason.NO_MODIFIER_EXTENSIONS,
        WriteReason.NO_ORDER_CODE,
        WriteReason.NOT_SENT,
    }
)


def reason_of(code: str) -> WriteReason:
    """The reason of a stored code; OTHER for one that only a later version knows."""
    return WriteReason(code) if code in set(WriteReason) else WriteReason.OTHER


def explain(reason: WriteReason, detail: str = "") -> str:
    """The sentence that a person reads, "" for no reason. detail is free of PHI."""
    return SENTENCES[reason].format(detail).strip()
