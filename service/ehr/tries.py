"""Tries that show what an EHR lets this client do. Nothing of a patient is read and nothing is written by them."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fhir_mappings.bundle import Search
from service.ehr.client import Ehr
from service.ehr.http import Request
from service.errors import EhrError, EhrRefused, EhrRejected

#: Said of a body because the patient and the stay that it names do not exist: no fault of the body.
_OF_NOBODY: Final = frozenset({"not-found"})
_SEVERE: Final = frozenset({"error", "fatal"})
_DONE: Final = 200


def try_search(ehr: Ehr, search: Search) -> int | EhrError:
    """The status that a search about nobody is answered with, or why there was no answer."""
    return _status(ehr, Request("GET", search.url))


def try_create(ehr: Ehr, resource_type: str) -> int | EhrError:
    """The status that a create without any resource is answered with: one who may create is told that it lacks.

    Where the product lists a type and our registration does not hold it, the refusal comes before the body is looked at.
    """
    return _status(ehr, Request("POST", resource_type))


def validate(ehr: Ehr, resource: Mapping[str, Any]) -> tuple[str, ...] | EhrError:
    """What the EHR's own $validate says against a body, as issue codes; the error where it gives no verdict."""
    request = Request("POST", f"{resource['resourceType']}/$validate", resource)
    try:
        outcome = ehr.answer_to(request).body or {}
    except EhrError as error:
        return error
    return tuple(dict.fromkeys(_faults(outcome)))


def _faults(outcome: Mapping[str, Any]) -> Iterator[str]:
    for issue in outcome.get("issue", ()):
        code = str(issue.get("code", ""))
        if issue.get("severity") in _SEVERE and code not in _OF_NOBODY:
            yield code


def _status(ehr: Ehr, request: Request) -> int | EhrError:
    try:
        ehr.answer_to(request)
    except (EhrRefused, EhrRejected) as error:
        return error.status
    except EhrError as error:
        return error
    return _DONE
