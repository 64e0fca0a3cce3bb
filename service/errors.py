"""Every error Homeward raises on purpose.

    HomewardError
    ├── BadInput                  400  what was sent cannot be used; the message names the remedy
    │   ├── UnknownEncounter      404
    │   ├── NotAnInpatientStay    422
    │   │   └── ClassNotUnderstood 422
    │   ├── PatientMerged         409
    │   ├── MissingPrefetch       412
    │   ├── Unusable              422
    │   └── TooLarge              413
    ├── NotAllowed                403
    │   └── NotAuthenticated      401
    ├── TooManyCalls              429  retryable
    ├── NotSeen                   428  a change without If-Match
    ├── Outdated                  412  the plan has changed since it was read
    ├── IllegalTransition         409
    ├── NotFound                  404
    ├── ConfigurationError        500  found at start; names file, line and remedy
    │   └── HospitalNotConfigured 503  retryable by another process: this one does not know the hospital
    ├── InvalidResource           500  a resource of ours is not valid FHIR; element paths and rule names only
    ├── StillAnothers             409  retryable: another hospital's plan of the stay is being withdrawn
    ├── StoreUnavailable          503  retryable
    ├── NoTime                    503  retryable: ours, not the EHR's
    └── EhrError                  502
        ├── EhrUnavailable        503  retryable: timeout, connection, 429, 5xx
        │   ├── EhrNotReached     503  nothing was sent, or it was turned away unread: sending it again makes nothing twice
        │   └── EhrRecordFault    503  500 over one stored record: a narrower question may be answered
        ├── EhrRefused            502  401, 403, 404, 405: the EHR will not do this
        │   └── NotShown          502  retryable for a minute: the stay, its order or its patient, which it may show again
        ├── EhrRejected           502  400, 422: the EHR read it and said no
        ├── EhrConflict           409  retryable once: a person changed it, 409 or 412
        ├── EhrNotFhir            502  the answer is not FHIR, or too large
        │   └── EhrGarbled        502  retryable: an HTML page or a torso of JSON instead; it may pass
        └── WriteUnknown          503  retryable: sent, and no answer came; search before sending again

Each class carries what its readers need: `http_status` and `issue_code` (FHIR IssueType) for the client,
`retryable` for the queue, `public_message` for a person. The public message never holds PHI. `str(error)` is the
operator's sentence: it may name resource types, ids of ours and status codes, never names, dates or clinical text.
"""

from collections.abc import Mapping
from typing import Final

#: What PostgreSQL says of itself, by SQLSTATE: it passes once somebody has seen to it, and nothing is lost meanwhile.
DATABASE_FAULTS: Final[Mapping[str, str]] = {
    "53100": "The database's disk is full; make room for it. Nothing is lost: what could not be kept is tried again.",
    "53200": "The database is out of memory; give it more. Nothing is lost: what could not be kept is tried again.",
    "53300": "All of the database's connections are taken; raise max_connections or run fewer processes.",
    "53400": "The database is at a limit of its configuration; its log says which.",
    "25006": "The database takes no changes, it is read-only: a standby, or set so. Connect to the primary.",
    "58030": "The database cannot read or write its files; look at its disk and its log.",
    "57P03": "The database is starting or stopping; it answers shortly.",
}


class HomewardError(Exception):
    """Something Homeward refuses or cannot do, said in one sentence."""

    http_status: int = 500
    issue_code: str = "exception"
    retryable: bool = False
    public_message: str = "Homeward could not do this."

    def __init__(self, message: str = "") -> None:
        super().__init__(message or self.public_message)
        if message:
            self.public_message = message


class BadInput(HomewardError):
    """What was sent cannot be used. The message says what to change."""

    http_status, issue_code = 400, "invalid"
    public_message = "The request cannot be understood."


class UnknownEncounter(BadInput):
    """The named stay is not in the record or not in the EHR."""

    http_status, issue_code = 404, "not-found"
    public_message = "This encounter is not known; check its id."


class NotAnInpatientStay(BadInput):
    """The encounter is not a hospital stay, so there is no discharge to plan."""

    http_status, issue_code = 422, "business-rule"
    public_message = (
        "This encounter is not an inpatient stay; name one of class IMP, ACUTE, NONAC, SS or OBSENC."
    )


class ClassNotUnderstood(NotAnInpatientStay):
    """The encounter's class is the hospital's own, and encounter_classes does not say what it means."""

    public_message = (
        "This encounter's class is the hospital's own and is not understood; say in encounter_classes of the tenants file "
        "whether it is an inpatient stay (IMP, ACUTE, NONAC, SS or OBSENC) or a visit."
    )


class PatientMerged(BadInput):
    """The patient whom the stay names is one no longer: merged into another, or no longer in use."""

    http_status, issue_code = 409, "conflict"
    public_message = (
        "The patient of this stay was merged into another or is no longer in use. Once the stay names the "
        "patient who remains, the plan follows by itself; until then a person must look."
    )


class MissingPrefetch(BadInput):
    """What a CDS Hooks call must bring was not there, and could not be read from the EHR in time."""

    http_status, issue_code = 412, "required"
    public_message = "The call lacks data that it must bring; send the prefetch that discovery names."


class Unusable(BadInput):
    """The request is understood, and what it asks cannot be done. The message says what to change."""

    http_status, issue_code = 422, "business-rule"
    public_message = "This cannot be done; see what /docs says of it."


class TooLarge(BadInput):
    """A body or file is over the limit."""

    http_status, issue_code = 413, "too-long"
    public_message = "The input is too large."


class NotAllowed(HomewardError):
    """The caller is known and may not do this."""

    http_status, issue_code = 403, "forbidden"
    public_message = "You may not do this."


class NotAuthenticated(NotAllowed):
    """No credential, or one that does not hold."""

    http_status, issue_code = 401, "login"
    public_message = "Send a valid credential: Authorization: Bearer <token>."


class TooManyCalls(HomewardError):
    """One caller asks more than their share."""

    http_status, issue_code, retryable = 429, "throttled", True
    public_message = "Too many requests; wait as long as Retry-After says."

    def __init__(self, message: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NoTime(HomewardError):
    """Homeward itself was too slow for somebody who waits for half a second."""

    http_status, issue_code, retryable = 503, "timeout", True
    public_message = "Homeward could not answer in time; call again."


class NotSeen(HomewardError):
    """A decision without If-Match: nobody signs what they have not read."""

    http_status, issue_code = 428, "required"
    public_message = "Read the plan first and send its ETag as If-Match."


class Outdated(HomewardError):
    """If-Match names an older version."""

    http_status, issue_code = 412, "conflict"
    public_message = "The plan has changed since it was read; read it again and decide on what it says now."


class NotFound(HomewardError):
    """No such thing here, or not for this caller."""

    http_status, issue_code = 404, "not-found"
    public_message = "There is nothing here by this id."


class IllegalTransition(HomewardError):
    """A state may not move this way. The message is the two states."""

    http_status, issue_code = 409, "conflict"

    def __init__(self, old: str, new: str) -> None:
        super().__init__(f"This cannot go from {old} to {new}.")


class ConfigurationError(HomewardError):
    """A setting or a content file is wrong. The message names the place and the remedy."""

    http_status, issue_code = 500, "exception"
    public_message = "The service is not configured correctly."


class HospitalNotConfigured(ConfigurationError):
    """A hospital that this process does not know; another may: a tenants file is rolled out process by process."""

    http_status, issue_code, retryable = 503, "transient", True
    public_message = "This hospital is not in HOMEWARD_TENANTS_FILE here; its work waits until it is."

    def __init__(self, tenant: str = "") -> None:
        super().__init__()
        self.tenant = tenant


class StillAnothers(HomewardError):
    """The stay has come to this hospital, and the plan of the one that it was at is not withdrawn yet."""

    http_status, issue_code, retryable = 409, "conflict", True
    public_message = "The plan of the hospital that the patient was at is being withdrawn first."


class InvalidResource(HomewardError):
    """A resource Homeward was about to write breaks FHIR or a profile. The message is element paths and rule names."""

    http_status, issue_code = 500, "invariant"
    public_message = "Homeward made a resource that is not valid FHIR, and did not send it."


class StoreUnavailable(HomewardError):
    """The database does not answer, or keeps nothing just now; sqlstate is what it said of itself, "" if nothing known."""

    http_status, issue_code, retryable = 503, "transient", True
    public_message = "The database is not reachable; try again shortly."

    def __init__(self, message: str = "", *, sqlstate: str = "") -> None:
        self.sqlstate = sqlstate if sqlstate in DATABASE_FAULTS else ""
        super().__init__(message or DATABASE_FAULTS.get(sqlstate, ""))


class EhrError(HomewardError):
    """The EHR did not do what was asked."""

    http_status, issue_code = 502, "processing"
    public_message = "The EHR did not do what was asked."


class EhrUnavailable(EhrError):
    """Timeout, connection failure, 429 or 5xx from the EHR."""

    http_status, issue_code, retryable = 503, "transient", True
    public_message = "The EHR is not reachable; the plan will be retried."

    def __init__(self, message: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class EhrNotReached(EhrUnavailable):
    """The EHR has not read the request: no connection, it is left alone, or it has too many already (429)."""


class EhrRecordFault(EhrUnavailable):
    """500 with an OperationOutcome that may be about one stored record: the EHR is well, and fails on that record alone."""

    public_message = "The EHR fails on one of its records."

    def __init__(self, message: str = "", *, certain: bool = False) -> None:
        super().__init__(message)
        self.certain = certain


class EhrRefused(EhrError):
    """401, 403, 404, 405: the EHR will not do this for us."""

    issue_code = "forbidden"
    public_message = "The EHR refused this."

    def __init__(self, message: str = "", *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class NotShown(EhrRefused):
    """The EHR does not show what a plan is made from: nobody knows from one look whether it is gone."""

    retryable = True
    public_message = "The EHR does not show what this plan is made from; it is looked at again by itself."

    def __init__(self, reference: str, *, is_absent: bool) -> None:
        what = {"Patient": "the patient of this stay", "ServiceRequest": "the order for this stay"}
        named = what.get(reference.partition("/")[0], "this stay")
        said = "does not show" if is_absent else "does not let us read"
        hint = "" if named != "this stay" or not is_absent else " If its id was typed, check it."
        super().__init__(f"The EHR {said} {named}; it is looked at again by itself.{hint}")
        self.reference = reference
        self.is_absent = is_absent


class EhrRejected(EhrError):
    """400 or 422: the EHR read the resource and said no."""

    issue_code = "business-rule"
    public_message = "The EHR did not accept a resource."

    def __init__(self, message: str = "", *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class EhrConflict(EhrError):
    """409 or 412: someone changed the resource since we read it."""

    http_status, issue_code, retryable = 409, "conflict", True
    public_message = "A person changed this in the EHR at the same time."


class EhrNotFhir(EhrError):
    """The answer is not FHIR JSON, or larger than allowed."""

    issue_code = "structure"
    public_message = "The EHR's answer could not be read as FHIR."


class EhrGarbled(EhrNotFhir):
    """An HTML page or a part of the JSON in place of an answer: a gateway's page, a connection cut off behind it."""

    retryable = True


class WriteUnknown(EhrError):
    """A write was sent and no answer came: it may or may not have been applied."""

    http_status, issue_code, retryable = 503, "transient", True
    public_message = "The EHR did not confirm a write; it is looked for before it is sent again."
