"""What an EHR says beside its answer, in OperationOutcomes: read by code. Their texts may hold PHI, and decide nothing.

A code of the vendor's own list goes before the FHIR issue code, and that before the severity.

Sources: HL7 FHIR R4 issue-type (R5 for limited-filter and success); Epic's error codes as api-evangelist/epic-systems
keeps them; onc-healthit/inferno-program#229 and onc-certification-g10-test-kit#278 (4119, 59204 beside whole answers);
cerner/fhir.cerner.com r4_examples_document_reference (suppressed).
"""

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final

from service.domain.record import GapReason, Lasting


class Remark(Enum):
    """What an issue beside an answer means for it: why it leaves a gap, the sentence for the clinician, how long it lasts."""

    HARMLESS = None, "", Lasting.LASTING
    INCOMPLETE = (
        GapReason.INCOMPLETE,
        "The EHR says that it did not give all it has; what it gave was used.",
        Lasting.LASTING,
    )
    CUT_SHORT = (
        GapReason.INCOMPLETE,
        "The EHR could not reach all that it has just then; what it gave was used.",
        Lasting.PASSING,
    )
    WITHHELD = (
        GapReason.REFUSED,
        "The EHR keeps a part of this from us; what it gave was used.",
        Lasting.LASTING,
    )
    SIGNED_OUT = (
        GapReason.REFUSED,
        "The EHR gave only what is shown without a sign-in; what it gave was used.",
        Lasting.PERHAPS,
    )
    FAILED = (
        GapReason.INCOMPLETE,
        "The EHR reported an error beside its answer; what it gave was used.",
        Lasting.PERHAPS,
    )
    UNKNOWN = (
        GapReason.UNCERTAIN,
        "The EHR added a warning that is not known here; what it gave was used.",
        Lasting.LASTING,
    )
    NOT_HONOURED = (
        GapReason.UNCERTAIN,
        "The EHR says that it left out a part of the question; what it gave of this patient was used.",
        Lasting.LASTING,
    )


#: Epic's list of error codes, in any of its environments.
_EPIC: Final = re.compile(
    r"(urn:oid:)?1\.2\.840\.114350\.1\.13(\.\d{1,10}){1,6}\.7\.2\.657369", re.IGNORECASE
)
_BY_EPIC_CODE: Final[Mapping[str, Remark]] = {
    "4101": Remark.HARMLESS,  # nothing was found
    "4119": Remark.HARMLESS,  # as much as this user may see: stands beside every answer
    "4134": Remark.HARMLESS,  # shown with a note
    "4118": Remark.WITHHELD,  # not authorised
    "4130": Remark.WITHHELD,  # break-the-glass
    "4131": Remark.WITHHELD,
    "4127": Remark.INCOMPLETE,  # more hits than it gives
    "4135": Remark.INCOMPLETE,  # no more documents today
    "59133": Remark.INCOMPLETE,  # more hits than it gives
    "59204": Remark.INCOMPLETE,  # the app may read only some of what the search covers
    "4122": Remark.NOT_HONOURED,  # unknown parameter
    "59100": Remark.NOT_HONOURED,
    "59101": Remark.NOT_HONOURED,  # unknown value of an optional parameter
    "59109": Remark.NOT_HONOURED,
}
#: FHIR issue types, whatever the severity they come with.
_BY_ISSUE_CODE: Final[Mapping[str, Remark]] = {
    **dict.fromkeys(("suppressed", "too-costly"), Remark.INCOMPLETE),
    # The children of `transient`: what the server could not reach or do in time.
    **dict.fromkeys(
        ("transient", "timeout", "throttled", "no-store", "incomplete", "lock-error"), Remark.CUT_SHORT
    ),
    # A stored record that the server could not put into FHIR.
    **dict.fromkeys(("required", "structure", "invariant"), Remark.INCOMPLETE),
    **dict.fromkeys(("security", "forbidden"), Remark.WITHHELD),
    **dict.fromkeys(("login", "expired"), Remark.SIGNED_OUT),
    **dict.fromkeys(("not-supported", "limited-filter"), Remark.NOT_HONOURED),
}
_BY_SEVERITY: Final[Mapping[str, Remark]] = {
    "fatal": Remark.FAILED,
    "error": Remark.FAILED,
    "information": Remark.HARMLESS,
    "success": Remark.HARMLESS,
}
#: Issue types that say nothing of the answer, unless they come as an error.
_ASIDE: Final = frozenset({"informational", "success"})
_ERRORS: Final = frozenset({"fatal", "error"})
#: Errors that one stored record makes, though the server is well. The first say so; the second may be anything.
_OF_A_RECORD: Final = frozenset({"required", "structure", "invariant", "value"})
_PERHAPS_OF_A_RECORD: Final = frozenset({"invalid", "processing", "exception", "business-rule"})
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z_-]*")


class Cause(Enum):
    """Whether one bad record of many makes a whole search fail."""

    ELSEWHERE = 0
    PERHAPS_A_RECORD = 1
    A_RECORD = 2


def remarks_in(bundle: Mapping[str, Any]) -> Iterator[tuple[Remark, frozenset[str]]]:
    """The remarks of a searchset's OperationOutcomes, with the names of parameters that they point to."""
    for entry in _listed(bundle.get("entry")):
        yield from remarks_of(entry.get("resource"))


def remarks_of(outcome: Any) -> Iterator[tuple[Remark, frozenset[str]]]:
    """The remarks of one OperationOutcome; none of anything else."""
    if isinstance(outcome, dict) and outcome.get("resourceType") == "OperationOutcome":
        for issue in _listed(outcome.get("issue")):
            yield _remark(issue), frozenset(_pointed_to(issue))


def cause_of(outcome: Any) -> Cause:
    """What an error's OperationOutcome says of its cause."""
    issues = _listed(outcome.get("issue")) if isinstance(outcome, dict) else []
    codes = {str(issue.get("code")) for issue in issues if issue.get("severity") in _ERRORS}
    if codes & _OF_A_RECORD:
        return Cause.A_RECORD
    return Cause.PERHAPS_A_RECORD if codes & _PERHAPS_OF_A_RECORD else Cause.ELSEWHERE


def _remark(issue: Mapping[str, Any]) -> Remark:
    details = issue.get("details")
    for coding in _listed(details.get("coding")) if isinstance(details, dict) else ():
        if _EPIC.fullmatch(str(coding.get("system")).strip()):
            known = _BY_EPIC_CODE.get(str(coding.get("code")).strip())
            if known is not None:
                return known
    severity, code = str(issue.get("severity")), str(issue.get("code"))
    if code in _ASIDE and severity not in _ERRORS:
        return Remark.HARMLESS
    return _BY_ISSUE_CODE.get(code) or _BY_SEVERITY.get(severity, Remark.UNKNOWN)


def _pointed_to(issue: Mapping[str, Any]) -> Iterator[str]:
    """The last names in "http.patient", "/f:category" or "_count": parameters, as far as they were asked for."""
    for element in ("expression", "location"):
        paths = issue.get(element)
        for path in paths if isinstance(paths, list) else [paths]:
            if isinstance(path, str) and (names := _NAME.findall(path)):
                yield names[-1]


def _listed(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
