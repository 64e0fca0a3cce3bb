"""Small, obviously invented FHIR resources and domain values for tests.

FHIR builders (`patient`, `encounter`, `condition`, `observation`, `resource`, `bundle`) return plain JSON; every keyword
they do not name goes into the resource as it is, and `None` takes an element away. Domain builders (`record`, `stay`,
`person`, `fact`, `answer`) return the values of `service.domain`, as read.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from fhir_mappings import systems
from service.domain.assessment import Assessment, Disposition, Factor, Outcome, Readiness, Verdict
from service.domain.codes import Code, System
from service.domain.community_service import CommunityService, Match, Matches
from service.domain.decision import Choice, Decision, Signer
from service.domain.evidence import Evidence
from service.domain.need import Need, NeedState
from service.domain.plan import Plan
from service.domain.protocol import (
    EducationTemplate,
    FollowUpTemplate,
    GoalTemplate,
    Interventions,
    NeedKind,
    ProtocolRef,
    ReferralTemplate,
    Review,
    TaskTemplate,
)
from service.domain.publication import UNSENT, Draft, Landed, LedgerEntry, Receipt, WriteState
from service.domain.record import Encounter, Fact, Kind, Observation, Patient, Quantity, Record
from service.domain.risk import RiskScore
from service.domain.sensitivity import NONE, Labels
from service.domain.write_reason import WriteReason
from service.pipeline.draft import draft as draft_plan
from tests.marks import mark, mark_landed, mark_sending

Json = dict[str, Any]

#: A day in the stay that `encounter()` and `stay()` build, which began on 1 March 2024.
TODAY = date(2024, 3, 5)
ADMITTED = datetime(2024, 3, 1, 8, 0, tzinfo=UTC)
PATIENT = "Patient/p1"
ENCOUNTER = "Encounter/e1"


# --- FHIR JSON ----------------------------------------------------------------------------------
def resource(kind: str, number: str, /, *, patient: str = PATIENT, **more: Any) -> Json:
    """A resource of any type about the patient: `resource("Goal", "g1", lifecycleStatus="active")`."""
    whose = {"AllergyIntolerance": "patient", "Consent": "patient", "RelatedPerson": "patient"}
    whose |= {"Coverage": "beneficiary", "Task": "for"}
    about = {whose.get(kind, "subject"): {"reference": patient}} if patient else {}
    return _without_none({"resourceType": kind, "id": number, **about, **more})


def patient(number: str = "p1", /, **more: Any) -> Json:
    """Zelda Testperson, born 1950-06-15, female, who speaks English."""
    given: Json = {
        "name": [{"use": "official", "family": "Testperson", "given": ["Zelda"]}],
        "gender": "female",
        "birthDate": "1950-06-15",
        "communication": [{"language": concept("en", systems.BCP47), "preferred": True}],
        "address": [
            {"use": "home", "line": ["1 Example Street"], "city": "Testville", "postalCode": "00001"}
        ],
    }
    return resource("Patient", number, patient="", **{**given, **more})


def encounter(number: str = "e1", /, *, class_code: str = "IMP", **more: Any) -> Json:
    """An inpatient stay in progress since 1 March 2024, 08:00 UTC."""
    given: Json = {
        "status": "in-progress",
        "class": {"system": systems.ACT_CODE, "code": class_code},
        "period": {"start": "2024-03-01T08:00:00Z"},
    }
    return resource("Encounter", number, **{**given, **more})


def condition(number: str, code: str, /, *, system: str = systems.ICD10CM, **more: Any) -> Json:
    """An active, confirmed diagnosis of this stay; `clinicalStatus=None` and the like take an element away."""
    given: Json = {
        "clinicalStatus": concept("active"),
        "verificationStatus": concept("confirmed"),
        "category": [concept("encounter-diagnosis")],
        "code": concept(code, system),
        "encounter": {"reference": ENCOUNTER},
        "onsetDateTime": "2024-03-01",
    }
    return resource("Condition", number, **{**given, **more})


def observation(number: str, loinc: str, value: Any = None, /, *, unit: str = "", **more: Any) -> Json:
    """A final observation: a number is a quantity, a text beginning with LA an answer, another text a string."""
    given: Json = {
        "status": "final",
        "category": [concept("survey")],
        "code": concept(loinc, systems.LOINC),
        "encounter": {"reference": ENCOUNTER},
        "effectiveDateTime": "2024-03-02T10:00:00Z",
        **_value(value, unit),
    }
    return resource("Observation", number, **{**given, **more})


def concept(code: str, system: str = "", display: str = "", text: str = "") -> Json:
    """A CodeableConcept with one coding."""
    coding = {"system": system or None, "code": code, "display": display or None}
    return _without_none({"coding": [_without_none(coding)], "text": text or None})


def bundle(*resources: Json, kind: str = "collection", base: str = "http://ehr.example/fhir") -> Json:
    """A Bundle of these resources, each with its absolute fullUrl."""
    entries = [{"fullUrl": f"{base}/{one['resourceType']}/{one['id']}", "resource": one} for one in resources]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def _value(value: Any, unit: str) -> Json:
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"valueBoolean": value}
    if isinstance(value, int | float):
        quantity = {"value": value, "unit": unit, "system": systems.UCUM, "code": unit}
        return {"valueQuantity": quantity if unit else {"value": value}}
    if str(value).startswith("LA"):
        return {"valueCodeableConcept": concept(value, systems.LOINC)}
    return {"valueString": value}


def _without_none(given: Json) -> Json:
    return {key: value for key, value in given.items() if value is not None}


# --- domain -------------------------------------------------------------------------------------
def person(**more: Any) -> Patient:
    """The Patient of `record()`."""
    given: Json = {"name": "Zelda Testperson", "birth_date": date(1950, 6, 15), "sex": "female"}
    return Patient(PATIENT, **{**given, **more})


def stay(reference: str = ENCOUNTER, /, **more: Any) -> Encounter:
    """An inpatient stay in progress since 1 March 2024, 08:00 UTC."""
    given: Json = {"status": "in-progress", "class_code": "IMP", "start": ADMITTED}
    return Encounter(reference, **{**given, **more})


def fact(code: str, kind: Kind = Kind.CONDITION, /, *, system: str = System.ICD10CM, **more: Any) -> Fact:
    """An active, confirmed Fact of this stay, with a reference made from its code."""
    given: Json = {
        "reference": f"{kind}/{code.lower().replace('.', '-')}",
        "codes": (Code(system, code),),
        "status": "active",
        "verification": "confirmed" if kind is Kind.CONDITION else "",
        "encounter": ENCOUNTER,
        "began": ADMITTED.date(),
        "by": "Practitioner/dana",
    }
    return Fact(kind, **{**given, **more})


def answer(loinc: str, value: str | float | None = None, /, *, unit: str = "", **more: Any) -> Observation:
    """An Observation: a number is a quantity, a text beginning with LA a coded answer, another text a text."""
    given: Json = {
        "reference": f"Observation/{loinc}",
        "codes": (Code(System.LOINC, loinc),),
        "categories": frozenset({"survey"}),
        "encounter": ENCOUNTER,
        "at": datetime(2024, 3, 2, 10, 0, tzinfo=UTC),
        "by": "Practitioner/dana",
    }
    if isinstance(value, str):
        given |= {"answers": (Code(System.LOINC, value),)} if value.startswith("LA") else {"text": value}
    elif value is not None:
        given |= {"quantity": Quantity(float(value), unit)}
    return Observation(**{**given, **more})


def record(*statements: Fact | Observation, **more: Any) -> Record:
    """A Record of one stay with these statements; types_read are their types unless given."""
    facts = tuple(one for one in statements if isinstance(one, Fact))
    observations = tuple(one for one in statements if isinstance(one, Observation))
    types = {"Patient", "Encounter", *(one.reference.partition("/")[0] for one in statements)}
    given: Json = {
        "patient": person(),
        "encounter": stay(),
        "facts": facts,
        "observations": observations,
        "types_read": frozenset(types),
    }
    return Record(**{**given, **more})


# --- plans --------------------------------------------------------------------------------------
def evidence(code: str = "I50.23", /, *, system: str = System.ICD10CM, **more: Any) -> Evidence:
    """A condition of the stay, said on the day after admission."""
    given: Json = {
        "reference": f"Condition/{code.lower().replace('.', '-')}",
        "code": Code(system, code),
        "on": date(2024, 3, 2),
        "text": f"Invented finding {code}",
    }
    return Evidence(**{**given, **more})


def need(code: str = "food-insecurity", /, *, present: bool = True, **more: Any) -> Need:
    """A present social need with one piece of evidence, decided by the protocol of its name."""
    given: Json = {
        "title": code.replace("-", " ").capitalize(),
        "kind": NeedKind.SOCIAL,
        "state": NeedState.PRESENT if present else NeedState.NOT_ASSESSED,
        "protocol": ProtocolRef(code, "1.0", Review.VERIFIED),
        "evidence": (evidence("Z59.41"),) if present else (),
        "gravity_domain": code if code == "food-insecurity" else "",
        "question": f"How about {code}?",
    }
    return Need(code, **{**given, **more})


def interventions(service: str = "food-pantry", /, **more: Any) -> Interventions:
    """One of each: a referral, a goal, a follow-up, a lesson, a task and a warning sign."""
    name = service.replace("-", " ")
    given: Json = {
        "referrals": (
            ReferralTemplate(service, name.capitalize(), within_days=3, patient_text=f"Plain {name}"),
        ),
        "goals": (GoalTemplate("enough", f"Has enough of {name}", 30, target="Asked again: yes"),),
        "follow_ups": (FollowUpTemplate("call", f"Call about {name}", 7, patient_text=f"A call: {name}"),),
        "education": (EducationTemplate("how", f"How to use {name}", patient_text=f"Learn: {name}"),),
        "tasks": (TaskTemplate("check", f"Check {name}"),),
        "warning_signs": (f"Call if {name} does not come",),
    }
    return Interventions(**{**given, **more})


def match(name: str = "Example Pantry", /, *, labels: Labels = NONE, **more: Any) -> Match:
    """A service 3.2 km away, last verified on 31 January 2024."""
    given: Json = {
        "id": name.casefold().replace(" ", "-"),
        "organization": "Example Council",
        "services": frozenset({"food-pantry"}),
        "phone": "555-0100",
        "verified": date(2024, 1, 31),
    }
    service = CommunityService(name=name, labels=labels, **{**given, **more})
    return Match(service, ("serves this ZIP code",), 3.2)


def assessment(*needs: Need, **more: Any) -> Assessment:
    """An assessment made on `TODAY`: going home, ready, LACE 11."""
    given: Json = {
        "today": TODAY,
        "outcome": Outcome.GOING_HOME,
        "needs": needs,
        "risk_scores": (RiskScore("LACE", "2010", 11, 11, "high", 11),),
        "disposition": Disposition("home", "Home", (Factor("Walks alone", "for"),)),
        "readiness": Readiness(Verdict.READY),
    }
    return Assessment(**{**given, **more})


# --- publication --------------------------------------------------------------------------------
def draft_of(key: str, body: Json, /) -> Draft:
    """A draft of a resource without id; its identifier is a urn:uuid that depends on the key alone."""
    name = f"urn:uuid:{uuid5(NAMESPACE_URL, key)}"
    own = [{"system": systems.OWN_IDENTIFIER, "value": name}]
    if body["resourceType"] == "Provenance":  # has no identifier in R4
        named = {**body, "meta": {"tag": [{"system": systems.OWN_IDENTIFIER, "code": name}]}}
    else:
        named = {**body, "identifier": own}
    return Draft(key, body["resourceType"], name, f"urn:uuid:{uuid5(NAMESPACE_URL, 'url ' + key)}", named)


class MemoryLedger:
    """A Ledger in memory, with `want` as the store has it; commits counts its writes."""

    def __init__(self, *drafts: Draft) -> None:
        self.rows: dict[str, LedgerEntry] = {}
        self.commits = 0
        self.want(drafts)

    def want(self, drafts: Sequence[Draft]) -> None:
        keys = {draft.key for draft in drafts}
        for key, row in list(self.rows.items()):
            if key not in keys and not row.reference and row.state in {*UNSENT, WriteState.REFUSED}:
                del self.rows[key]
            else:
                self.rows[key] = replace(row, wanted=key in keys)
        for draft in drafts:
            self._want(draft)

    def entries(self) -> tuple[LedgerEntry, ...]:
        return tuple(self.rows.values())

    def add(self, drafts: Sequence[Draft]) -> None:
        self.commits += 1
        for draft in drafts:
            self.rows.setdefault(draft.key, LedgerEntry(draft, WriteState.WAITING, draft.digest))

    def want_also(self, drafts: Sequence[Draft]) -> None:
        for draft in drafts:
            self.commits += 1
            self._want(draft)

    def land(self, landed: Sequence[Landed]) -> None:
        for item in landed:
            self.commits += 1
            self.rows[item.key] = replace(self.rows[item.key], rung=item.rung)

    def save(self, entries: Sequence[LedgerEntry]) -> None:
        self.commits += 1
        for entry in entries:
            row = self.rows.get(entry.draft.key)
            if row is None:  # forgotten by a new plan
                continue
            known = replace(entry, draft=row.draft, digest=row.digest, wanted=row.wanted, rung=row.rung)
            if entry.settles not in {"", row.digest}:
                known = replace(known, state=WriteState.WAITING, reason=WriteReason.NONE, detail="")
            self.rows[entry.draft.key] = known

    def sending(self, keys: Collection[str]) -> None:
        """For tests: these were about to be sent when the process died."""
        mark_sending(self, keys)

    def written(self, receipts: Sequence[Receipt]) -> None:
        """For tests: the EHR confirmed these."""
        mark_landed(self, receipts)

    def mark(self, key: str, state: WriteState, **more: Any) -> None:
        """For tests: what is known of one."""
        mark(self, key, state, **more)

    def state(self, key: str) -> WriteState:
        return self.rows[key].state

    def _want(self, draft: Draft) -> None:
        row = self.rows.get(draft.key)
        if row is None:
            self.rows[draft.key] = LedgerEntry(draft, WriteState.WAITING, draft.digest)
            return
        same = row.digest == draft.digest
        standing = {WriteState.SENDING, WriteState.UNKNOWN, WriteState.ON_HOLD, WriteState.THEIRS}
        stays = row.state in standing or (same and row.state in {WriteState.LANDED, WriteState.REFUSED})
        body = row.draft.body if same and stays else draft.body
        goes_on = stays or same
        self.rows[draft.key] = replace(
            row,
            draft=replace(draft, body=body),
            digest=draft.digest,
            state=row.state if stays or (same and row.state in UNSENT) else WriteState.WAITING,
            reason=row.reason if goes_on else WriteReason.NONE,
            detail=row.detail if goes_on else "",
            attempts=row.attempts if goes_on else 0,
            wanted=True,
        )


NO_MATCHES = Matches()


#: Whom a message about a plan of these builders reaches.
CARE_TEAM = ("CareTeam/7",)


def planned(*needs: Need, matches: Matches = NO_MATCHES, about: Record | None = None, **more: Any) -> Plan:
    """The plan drafted for these needs, for a patient with a care team; every keyword goes into the assessment."""
    drafted = draft_plan(about or record(), assessment(*needs, **more), matches, tenant="example")
    told = drafted.for_everybody and replace(drafted.for_everybody, care_team=CARE_TEAM)
    return replace(drafted, care_team=CARE_TEAM, for_everybody=told)


# --- decisions ----------------------------------------------------------------------------------
DANA = Signer("Dana Example, MSW", subject="dana", reference="Practitioner/dana")


def decision(item: str, choice: Choice = Choice.APPROVED, /, **more: Any) -> Decision:
    """Dana's decision about an item on the evening of TODAY; every one is an act of its own."""
    at = datetime(2024, 3, 5, 18, 0, tzinfo=UTC)
    act = uuid5(NAMESPACE_URL, f"{item} {choice} {more}")
    given: Json = {"act": act, "by": DANA, "at": at}
    return Decision(item=item, choice=choice, **{**given, **more})


def discharge_orders_topic() -> Json:
    """A SubscriptionTopic of all new and changed orders, in its R4 encoding as Basic; sekmet then offers it."""
    base = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic"
    trigger = [
        {"url": "resource", "valueUri": "http://hl7.org/fhir/StructureDefinition/ServiceRequest"},
        {"url": "supportedInteraction", "valueCode": "create"},
        {"url": "supportedInteraction", "valueCode": "update"},
    ]
    narrowing = [
        {"url": "resource", "valueUri": "ServiceRequest"},
        {"url": "filterParameter", "valueString": "code"},
    ]
    return {
        "resourceType": "Basic",
        "id": "topic-orders",
        "code": {"coding": [{"system": "http://hl7.org/fhir/fhir-types", "code": "SubscriptionTopic"}]},
        "extension": [
            {"url": f"{base}.url", "valueUri": "urn:uuid:5b0e7f6e-2b1f-4d55-9d53-0f0a8a8f3c11"},
            {"url": f"{base}.resourceTrigger", "extension": trigger},
            {"url": f"{base}.canFilterBy", "extension": narrowing},
        ],
    }
