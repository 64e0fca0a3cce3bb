"""Records with something sensitive in one place of them: every code we know, everywhere a FHIR record may hold one."""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import config
from fhir_mappings import systems
from fhir_mappings.systems import SHORT_NAMES
from service.domain.codes import Code
from service.domain.content import Content
from service.domain.sensitivity import Label
from tests import builders as a

Json = dict[str, Any]

#: Stands in every text, display and name that comes with a secret, so that any way out is seen.
SECRET = "ZEBRAFISH"
_URLS = {short.value: url for url, short in reversed(SHORT_NAMES.items())}
#: How a record may say it in words.
WORDS = (
    "opioid use disorder",
    "IV drug use",
    "heroin",
    "alcoholism",
    "suicidal",
    "schizophrenia",
    "major depression",
    "domestic violence",
    "child abuse",
    "sexual assault",
    "HIV",
    "syphilis",
    "stillbirth",
    "sickle cell disease",
)
_EMERGENCY: Json = {"class": {"code": "EMER"}}
_TERMINOLOGY = Path(config.__path__[0]) / "terminology"


@dataclass(frozen=True, slots=True)
class Secret:
    """A sensitive code, with the words the record has for it."""

    code: Code

    @property
    def words(self) -> str:
        return f"{SECRET} {self.code.display}"

    def concept(self) -> Json:
        coding = {
            "system": _URLS.get(self.code.system, self.code.system),
            "code": self.code.code,
            "display": self.words,
        }
        return {"coding": [coding], "text": self.words}


def sensitive_codes(content: Content) -> tuple[Secret, ...]:
    """Every code of the sensitivity table and of the self-harm sets that carries a label."""
    tables = ("sensitivity.csv", "code_sets_self_harm.csv", "code_sets_assault.csv")
    rows = [row for table in tables for row in _rows(_TERMINOLOGY / table)]
    codes = dict.fromkeys(Code(row["system"], row["code"], row["display"]) for row in rows)
    return tuple(Secret(code) for code in codes if content.sensitivity.of(code))


def sensitive_answers(content: Content) -> Iterator[tuple[str, str]]:
    """Every answer to every sensitive question: (LOINC question, LOINC or SNOMED CT answer)."""
    for question, item in content.items.items():
        if content.question_labels.get(question):
            yield from ((question, choice.code) for choice in item.choices)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


# --- where a record may hold a code ---------------------------------------------------------------
def stay(**more: Any) -> Json:
    """A stay of five days that came through the emergency room."""
    return a.encounter(
        **{
            "priority": a.concept("EM"),
            "hospitalization": {"dischargeDisposition": a.concept("home", systems.DISCHARGE_DISPOSITION)},
            **more,
        }
    )


def ordinary_record() -> list[Json]:
    """A patient with many open needs, none of them sensitive, so that a secret has much to be mixed up with."""
    conditions = (
        "I50.9",
        "L89.154",
        "Z59.41",
        "Z91.81",
        "Z74.2",
        "Z60.2",
        "C50.919",
        "E11.9",
        "I48.91",
        "I63.9",
    )
    return [
        a.patient(),
        *(a.condition(f"open-{code.replace('.', '-').lower()}", code) for code in conditions),
        a.observation("barthel", "96761-2", 60),
        a.observation("hgb", "718-7", 9.8, unit="g/dL"),
        a.observation("sodium", "2951-2", 130, unit="mmol/L"),
        a.observation("food-1", "88122-7", "LA28397-0"),
        a.observation("ride", "93030-5", "LA33-6"),
        a.resource(
            "Encounter",
            "before",
            status="finished",
            **_EMERGENCY,
            period={"start": "2024-01-03T08:00:00Z", "end": "2024-01-03T12:00:00Z"},
        ),
        a.resource(
            "ServiceRequest",
            "pt",
            status="active",
            intent="order",
            code={"text": "Physical therapy evaluation"},
            authoredOn="2024-03-02",
        ),
        a.resource(
            "Procedure",
            "dressing",
            status="completed",
            code={"text": "Dressing"},
            performedDateTime="2024-03-02",
            encounter={"reference": a.ENCOUNTER},
        ),
    ]


def _alone(make: Callable[[Secret, int], Json]) -> Callable[[Iterable[Secret]], list[Json]]:
    def put(secrets: Iterable[Secret]) -> list[Json]:
        made = [make(secret, number) for number, secret in enumerate(secrets)]
        return [stay(), *ordinary_record(), *made]

    return put


def _in_stay(element: str, *, many: bool = True) -> Callable[[Iterable[Secret]], list[Json]]:
    def put(secrets: Iterable[Secret]) -> list[Json]:
        concepts = [secret.concept() for secret in secrets]
        given: Json = {element: concepts if many else concepts[0]}
        return [stay(**given), *ordinary_record()]

    return put


def _diagnoses_of_stay(secrets: Iterable[Secret]) -> list[Json]:
    listed = list(secrets)
    named = [{"condition": {"reference": f"Condition/s{n}"}} for n, _ in enumerate(listed)]
    made = [a.condition(f"s{n}", "", code=one.concept(), category=None) for n, one in enumerate(listed)]
    return [stay(diagnosis=named), *ordinary_record(), *made]


def _condition(secret: Secret, number: int) -> Json:
    return a.condition(f"s{number}", "", code=secret.concept())


def _problem(secret: Secret, number: int) -> Json:
    listed: Json = {"category": [a.concept("problem-list-item")], "encounter": None}
    return a.condition(f"s{number}", "", code=secret.concept(), **listed)


def _beside_an_open_code(secret: Secret, number: int) -> Json:
    both = a.concept("I50.9", systems.ICD10CM)
    both["coding"] += secret.concept()["coding"]
    return a.condition(f"s{number}", "", code={**both, "text": secret.words})


def _in_words(secret: Secret, number: int) -> Json:
    """No code at all, beside words for which many open needs look."""
    told = WORDS[number % len(WORDS)]
    said = f"{told}, {secret.words}: heart failure, wound, fall, lives alone, no caregiver, stroke"
    return a.condition(f"s{number}", "", code={"text": said})


def _in_own_code(secret: Secret, number: int) -> Json:
    """A code that only the hospital knows, beside one that everybody knows."""
    both = a.concept("I50.9", systems.ICD10CM)
    display = f"{WORDS[number % len(WORDS)]} {secret.words}"
    both["coding"] += [{"system": "urn:example:own", "code": f"own-{number}", "display": display}]
    return a.condition(f"s{number}", "", code=both)


def _asserted(secret: Secret, number: int) -> Json:
    return a.observation(f"s{number}", "", valueBoolean=True, code=secret.concept())


def _answered(secret: Secret, number: int) -> Json:
    return a.observation(f"s{number}", "8661-1", valueCodeableConcept=secret.concept())


def _component(secret: Secret, number: int) -> Json:
    parts = [
        {"code": secret.concept(), "valueCodeableConcept": a.concept("LA33-6", systems.LOINC)},
        {"code": a.concept("8661-1", systems.LOINC), "valueCodeableConcept": secret.concept()},
    ]
    return a.observation(f"s{number}", "93025-5", component=parts)


def _form(secret: Secret, number: int) -> Json:
    coding = secret.concept()["coding"][0]
    items = [
        {"linkId": "1", "text": secret.words, "answer": [{"valueCoding": coding}]},
        {"linkId": secret.code.code, "answer": [{"valueBoolean": True}, {"valueString": secret.words}]},
    ]
    return a.resource(
        "QuestionnaireResponse", f"s{number}", status="completed", authored="2024-03-02", item=items
    )


def _of(kind: str, element: str, **more: Any) -> Callable[[Secret, int], Json]:
    many = element.endswith("[]")

    def make(secret: Secret, number: int) -> Json:
        concept = secret.concept()
        held: Json = {element.removesuffix("[]"): [concept] if many else concept}
        return a.resource(kind, f"s{number}", encounter={"reference": a.ENCOUNTER}, **more, **held)

    return make


def _appointment(element: str) -> Callable[[Secret, int], Json]:
    def make(secret: Secret, number: int) -> Json:
        coded: Json = {element: [secret.concept()]}
        return a.resource(
            "Appointment",
            f"s{number}",
            patient="",
            status="booked",
            start="2024-03-08T09:00:00Z",
            description=secret.words,
            participant=[
                {"actor": {"reference": a.PATIENT}, "status": "accepted"},
                {"actor": {"reference": "Location/1", "display": secret.words}, "status": "accepted"},
            ],
            **coded,
        )

    return make


def _place(secret: Secret, number: int) -> Json:
    """A booked visit that only the name of its place gives away."""
    told = f"Clinic for {WORDS[number % len(WORDS)]} {secret.words}"
    place: Json = {"reference": f"Location/s{number}", "display": told}
    return a.resource(
        "Appointment",
        f"s{number}",
        patient="",
        status="booked",
        start="2024-03-08T09:00:00-06:00",
        participant=[{"actor": {"reference": a.PATIENT}}, {"actor": place}],
    )


def _earlier_visit(secret: Secret, number: int) -> Json:
    inpatient: Json = {"class": {"code": "IMP"}}
    return a.resource(
        "Encounter",
        f"s{number}",
        status="finished",
        type=[secret.concept()],
        reasonCode=[secret.concept()],
        serviceType=secret.concept(),
        period={"start": "2023-12-03T08:00:00Z", "end": "2023-12-05T12:00:00Z"},
        **inpatient,
    )


_ORDERED: Json = {"status": "active", "intent": "order", "authoredOn": "2024-03-02"}
POSITIONS: dict[str, Callable[[Iterable[Secret]], list[Json]]] = {
    "diagnosis of the stay": _alone(_condition),
    "problem list": _alone(_problem),
    "beside an open code": _alone(_beside_an_open_code),
    "words alone": _alone(_in_words),
    "a code of the hospital's own": _alone(_in_own_code),
    "Encounter.diagnosis": _diagnoses_of_stay,
    "Encounter.reasonCode": _in_stay("reasonCode"),
    "Encounter.type": _in_stay("type"),
    "Encounter.serviceType": _in_stay("serviceType", many=False),
    "earlier visit": _alone(_earlier_visit),
    "finding asserted": _alone(_asserted),
    "answer of an observation": _alone(_answered),
    "component": _alone(_component),
    "questionnaire item": _alone(_form),
    "MedicationRequest": _alone(_of("MedicationRequest", "medicationCodeableConcept", **_ORDERED)),
    "Procedure": _alone(_of("Procedure", "code", status="completed", performedDateTime="2024-03-02")),
    "ServiceRequest": _alone(_of("ServiceRequest", "code", **_ORDERED)),
    "DeviceRequest": _alone(_of("DeviceRequest", "codeCodeableConcept", **_ORDERED)),
    "Appointment.serviceType": _alone(_appointment("serviceType")),
    "Appointment.reasonCode": _alone(_appointment("reasonCode")),
    "Appointment's place": _alone(_place),
    "AllergyIntolerance": _alone(_of("AllergyIntolerance", "code")),
    "Goal": _alone(_of("Goal", "description", lifecycleStatus="active")),
    "CarePlan": _alone(_of("CarePlan", "category[]", status="active", intent="plan")),
    "DocumentReference": _alone(
        _of("DocumentReference", "type", status="current", date="2024-03-02T00:00:00Z")
    ),
}


def labelled_only(label: Label) -> Iterator[tuple[str, list[Json]]]:
    """Each resource of the ordinary record in turn marked by meta.security alone, its words replaced."""
    for place, one in enumerate(resources := [stay(), *ordinary_record()]):
        if one["resourceType"] != "Patient":
            yield one["id"], [*resources[:place], _marked(one, label), *resources[place + 1 :]]


def _marked(resource: Json, label: Label) -> Json:
    marked = {**resource, "meta": {"security": [{"system": systems.ACT_CODE, "code": label.value}]}}
    if isinstance(marked.get("code"), dict):
        marked["code"] = {**marked["code"], "text": SECRET}
    return marked
