"""Status, verification and their like → one code in lower case, however they were written; and what stands in their place.

A status that is there and cannot be read is no absent one, for it may say refuted; one of which the record says that
nobody knows it is absent.
"""

import re
from typing import Final

from fhir_mappings.inbound.codes import bare_code
from fhir_mappings.inbound.elements import Json, items, text
from fhir_mappings.systems import DATA_ABSENT_REASON

#: Status of an order not to do something: whatever else it says, it is no order for it.
DO_NOT_PERFORM: Final = "do-not-perform"
NOT_DONE: Final = "not-done"
_ERROR, _REFUTED = "entered-in-error", "refuted"
#: Codes of several words; words that stand in their place are written with spaces, with underscores or together.
_OF_SEVERAL_WORDS: Final = {
    name.replace("-", ""): name
    for name in (_ERROR, "in-progress", "on-hold", NOT_DONE, "not-taken", "not-started")
}
#: Other words for an entry that is a mistake.
_MISTAKES: Final = dict.fromkeys(("error", "enteredinerror", "nullified"), _ERROR)
_BETWEEN: Final = re.compile(r"[\s_-]+")
#: SNOMED CT: known absent, definitely not present, refuted.
_REFUTING_CODES: Final = frozenset({"410516002", "410594000", "723511001"})
_REFUTING_WORDS: Final = frozenset(
    {"known absent", "definitely not present", "ruled out", "disproved", _REFUTED}
)
_TAG: Final = re.compile(r" \((?:qualifier value|situation|finding)\)$")
#: R4's flag, and what STU3 and DSTU2 have in its place, with the status that each stands for.
_FLAGS: Final = {
    "doNotPerform": DO_NOT_PERFORM,
    "notDone": NOT_DONE,
    "notPerformed": NOT_DONE,
}
#: Ways to say that a problem is over without the day.
_OVER: Final = ("abatementString", "abatementAge", "abatementRange")


def read_status(value: object) -> str:
    """The code of a status; "" where there is none or it cannot be read."""
    said = bare_code(value)
    together = _BETWEEN.sub("", said)
    return _OF_SEVERAL_WORDS.get(together) or _MISTAKES.get(together, said)


def read_verification(value: object) -> str:
    """The code of a verificationStatus, also where it is said in SNOMED CT or in words."""
    said = read_status(value)
    coded = {text(coding.get("code")) for concept in items(value) for coding in items(concept.get("coding"))}
    if coded & _REFUTING_CODES or _TAG.sub("", said) in _REFUTING_WORDS:
        return _REFUTED
    return said


def is_untold(value: object) -> bool:
    """Whether an element says only that there is nothing to say: no code, no words, and the reason why."""
    if not isinstance(value, dict) or value.keys() - {"extension", "id"}:
        return False
    return any(
        text(extension.get("url")) == DATA_ABSENT_REASON for extension in items(value.get("extension"))
    )


def flagged_status(resource: Json) -> str:
    """The status that a flag beside it stands for ("doNotPerform": true); "" where none is set."""
    found = (status for flag, status in _FLAGS.items() if flag in resource and is_true(resource[flag]))
    return next(found, "")


def is_true(value: object) -> bool:
    """Whether a boolean is true, also where it was written as text."""
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def is_over(resource: Json) -> bool:
    """Whether a problem without a status has ended on a day that nobody names."""
    if is_true(resource.get("abatementBoolean")):
        return True
    return any(resource.get(name) for name in _OVER)
