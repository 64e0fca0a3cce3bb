"""What the hospital's staff and its EHR do in the demo: subscribe Homeward, order a discharge, look at the plan."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import requests

from fhir_mappings import systems
from fhir_mappings.own_marks import is_own_name
from fhir_mappings.references import reference_of
from service.domain.record import INPATIENT_CLASSES
from service.errors import EhrRejected, EhrUnavailable
from service.sandbox.chart import WRITTEN_TYPES, Chart, read_chart
from service.sandbox.inpatients import Inpatient
from service.sandbox.mode import INSIDE

#: SNOMED CT "Patient discharge".
DISCHARGE: Final = "58000006"
#: What the EHR is asked to tell of: discharge orders, and hospital stays, which end, are cancelled or lead elsewhere.
ORDERS: Final = f"ServiceRequest?code={systems.SNOMED}|{DISCHARGE}"
STAYS: Final = f"Encounter?class={','.join(sorted(INPATIENT_CLASSES))}"
ORGANIZATION: Final = "Prairie Sample Hospital"
ORGANIZATION_REFERENCE: Final = "Organization/prairie-sample-hospital"
_SOCIAL_WORK: Final = "Practitioner/sarah-socialwork"
#: What a hospital says of itself where its vendor asks for people: who signs and sends there, and that open needs become problems.
_OF_A_VENDOR: Final = {
    "author_practitioner": _SOCIAL_WORK,
    "message_sender": _SOCIAL_WORK,
    "social_work_reference": _SOCIAL_WORK,
    "problems": "problem-list",
}
#: A Provenance is about what it names, and is found by that.
_ABOUT_A_PATIENT: Final = tuple(kind for kind in WRITTEN_TYPES if kind != "Provenance")
_TIMEOUT_SECONDS: Final = 10

Json = dict[str, Any]


def tenant_of(vendor: str, **more: Any) -> Json:
    """What stands in a tenants file about the sandbox hospital, with an EHR of this vendor, "" for none."""
    named = {"organization": ORGANIZATION, "organization_reference": ORGANIZATION_REFERENCE}
    return {**named, "write_policy": "full", **(_OF_A_VENDOR if vendor else {}), **more}


def is_of_the_hospital(resource: Json, *patients: str) -> bool:
    """Return True for what the admission of these patients wrote, whose ids begin with theirs, and for a discharge order."""
    codings = (
        resource.get("code", {}).get("coding", ()) if resource["resourceType"] == "ServiceRequest" else ()
    )
    return str(resource["id"]).startswith(patients) or any(
        coding.get("code") == DISCHARGE for coding in codings
    )


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # a proxy would not reach 127.0.0.1
    session.headers.update({"Content-Type": "application/fhir+json", **INSIDE})
    return session


@dataclass(frozen=True, slots=True)
class Hospital:
    """The EHR as its own users see it, over plain HTTP and without any of Homeward's code between."""

    base_url: str
    _http: requests.Session = field(default_factory=_session, repr=False)

    def subscribe(self, endpoint: str, secret: str, criteria: str = ORDERS) -> str:
        """Register an R4 rest-hook Subscription, for discharge orders or STAYS; its reference. EhrRejected unless active."""
        channel = {
            "type": "rest-hook",
            "endpoint": endpoint,
            "payload": "application/fhir+json",
            "header": [f"Authorization: Bearer {secret}"],
        }
        subscription = {
            "resourceType": "Subscription",
            "status": "requested",
            "reason": "Homeward plans each discharge that is ordered",
            "criteria": criteria,
            "channel": channel,
        }
        reference = self.create(subscription)
        status = self.read(reference).get("status")
        if status != "active":
            raise EhrRejected(f"The EHR did not activate the subscription; it is {status}.")
        return reference

    def order_discharge(self, patient: Inpatient, at: datetime, *, name: str = "") -> str:
        """The attending physician orders the discharge: an active ServiceRequest; its reference.

        With a name it has that id, and ordering again under it changes the order.
        """
        code = {"system": systems.SNOMED, "code": DISCHARGE, "display": "Patient discharge"}
        order = {
            "resourceType": "ServiceRequest",
            "status": "active",
            "intent": "order",
            "code": {"coding": [code], "text": "Discharge patient"},
            "subject": {"reference": f"Patient/{patient.id}"},
            "encounter": {"reference": patient.encounter},
            "authoredOn": at.isoformat(timespec="seconds"),
            "requester": {"reference": "Practitioner/arthur-attending", "display": "Arthur Attending, MD"},
        }
        if not name:
            return self.create(order)
        self.put({**order, "id": name})
        return f"ServiceRequest/{name}"

    def care_plans(self, patient: Inpatient) -> list[Json]:
        """The CarePlans of the patient's stay."""
        query = {"patient": patient.id, "encounter": patient.encounter, "_count": "50"}
        return [entry["resource"] for entry in self._get("CarePlan", query).get("entry", [])]

    def ours(self, patient: Inpatient, resource_type: str) -> list[Json]:
        """What carries Homeward's identifier of a type about the patient, in an EHR that keeps it."""
        found = self.search(resource_type, patient=patient.id, _count="200")
        return [resource for resource in found if any(map(is_own_name, resource.get("identifier", [])))]

    def revoke(self, order: str) -> None:
        """The attending physician calls a discharge off: the order of this reference is revoked."""
        self.put({**self.read(order), "status": "revoked"})

    def chart(self, patient: Inpatient) -> Chart:
        """What Homeward wrote about the patient, read from inside: whatever nobody here wrote, identifier or not."""
        found = [resource for kind in _ABOUT_A_PATIENT for resource in self._written(patient, kind)]
        sources = [
            source for each in found for source in self.search("Provenance", target=reference_of(each))
        ]
        of_id = {reference_of(resource): resource for resource in (*found, *sources)}
        return read_chart((resource, self.made(resource)) for resource in of_id.values())

    def made(self, resource: Json) -> str:
        """The instant of a resource's first version."""
        meta = resource.get("meta", {})
        if meta.get("versionId", "1") == "1":
            return str(meta.get("lastUpdated", ""))
        first = self.read(f"{reference_of(resource)}/_history/1")
        return str(first.get("meta", {}).get("lastUpdated", ""))

    def _written(self, patient: Inpatient, resource_type: str) -> list[Json]:
        found = self.search(resource_type, patient=patient.id, _count="200")
        return [resource for resource in found if not is_of_the_hospital(resource, patient.id)]

    def read(self, reference: str) -> Json:
        """A resource by "Type/id"; EhrRejected if there is none."""
        return self._get(reference)

    def search(self, resource_type: str, **query: str) -> list[Json]:
        """What a search finds on its first page."""
        return [entry["resource"] for entry in self._get(resource_type, query).get("entry", [])]

    def create(self, resource: Json) -> str:
        """POST it; its reference."""
        created = self._answered("POST", resource["resourceType"], json=resource)
        return f"{created['resourceType']}/{created['id']}"

    def put(self, resource: Json) -> None:
        """Write it under its own id, whatever stands there."""
        self._answered("PUT", f"{resource['resourceType']}/{resource['id']}", json=resource)

    def _get(self, path: str, query: dict[str, str] | None = None) -> Json:
        return self._answered("GET", path, params=query or {})

    def _answered(self, method: str, path: str, **options: Any) -> Json:
        try:
            answer = self._http.request(
                method, f"{self.base_url}/{path}", timeout=_TIMEOUT_SECONDS, **options
            )
        except requests.RequestException as error:
            raise EhrUnavailable("The sandbox EHR does not answer.") from error
        if not answer.ok:
            kind = path.partition("/")[0]
            raise EhrRejected(
                f"The sandbox EHR answered {method} {kind} with HTTP {answer.status_code}.",
                status=answer.status_code,
            )
        body: Json = answer.json()
        return body
