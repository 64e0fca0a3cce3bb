"""For each entry of Oracle Health's book something that comes out otherwise without it."""

import json
from base64 import b64encode
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from tests.unit.sandbox.shelf import Json, Playing

Probe = Callable[[Playing], bool]

PATIENT, STAY = {"reference": "Patient/p1"}, {"reference": "Encounter/e1"}
PERSON = {"reference": "Practitioner/d1"}
LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
JSON_PATCH = {"content-type": "application/json-patch+json"}


def concept(code: str, system: str = "urn:x") -> Json:
    return {"coding": [{"system": system, "code": code}]}


def data(text: str) -> str:
    return b64encode(text.encode()).decode()


DOCUMENT: Json = {
    "resourceType": "DocumentReference",
    "status": "current",
    "docStatus": "final",
    "type": concept("18776-5", LOINC),
    "subject": PATIENT,
    "author": [PERSON],
    "content": [
        {
            "attachment": {
                "contentType": "text/html;charset=utf-8",
                "data": data("<html><body><p>Plan</p></body></html>"),
                "creation": "2026-12-01T10:00:00Z",
            }
        }
    ],
    "context": {"encounter": [STAY], "period": {"end": "2026-12-01T10:00:00Z"}},
}
CONDITION: Json = {
    "resourceType": "Condition",
    "clinicalStatus": concept("active"),
    "category": [concept("encounter-diagnosis")],
    "code": concept("1", SNOMED),
    "subject": PATIENT,
    "encounter": STAY,
}
PROVENANCE: Json = {
    "resourceType": "Provenance",
    "target": [{"reference": "DocumentReference/x1"}],
    "recorded": "2026-12-01T10:00:00Z",
    "agent": [{"who": PERSON}],
}
MESSAGE: Json = {
    "resourceType": "Communication",
    "status": "completed",
    "category": [concept("notification")],
    "subject": PATIENT,
    "sender": PERSON,
    "recipient": [PERSON],
    "payload": [
        {"contentAttachment": {"contentType": "text/plain;charset=utf-8", "data": data("A plan is ready.")}}
    ],
}
OBSERVATION: Json = {
    "resourceType": "Observation",
    "status": "final",
    "category": [concept("vital-signs")],
    "code": concept("8867-4", LOINC),
    "subject": PATIENT,
}
VALID = {body["resourceType"]: body for body in (DOCUMENT, CONDITION, PROVENANCE, MESSAGE, OBSERVATION)}


def changed(body: Json, path: str, value: Any = None) -> Json:
    """The same body with another value at a dotted path, None to leave it out."""
    copy = deepcopy(body)
    *way, last = path.split(".")
    place: Any = copy
    for step in way:
        place = place[int(step)] if step.isdigit() else place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return copy


def refuses_create(body: Json, status: int = 422) -> Probe:
    def probe(playing: Playing) -> bool:
        return playing.ask("POST", body["resourceType"], body).status == status

    return probe


def refuses_update(stored: Json, sent: Json) -> Probe:
    def probe(playing: Playing) -> bool:
        name = f"{stored['resourceType']}/x1"
        playing.shelf.put({**stored, "id": "x1"})
        version = playing.ask("GET", name).headers
        etag = next((value for key, value in version if key == "etag"), "")
        return playing.ask("PUT", name, {**sent, "id": "x1"}, {"if-match": etag}).status == 422

    return probe


def refuses_search(address: str, status: int = 400) -> Probe:
    return lambda playing: playing.ask("GET", address).status == status


def made(playing: Playing, body: Json) -> Json:
    """What stands in the EHR of a create that was taken."""
    assert playing.ask("POST", body["resourceType"], body).status == 201
    return playing.shelf.of_type(body["resourceType"])[-1]


def told(resource: Json, holds: Callable[[Json], bool]) -> Probe:
    """How a resource that stands in the EHR is told when it is read."""

    def probe(playing: Playing) -> bool:
        playing.shelf.put({"id": "x1", **resource})
        return holds(playing.read(f"{resource['resourceType']}/x1"))

    return probe


def batch(kind: str, method: str) -> Json:
    entry = {"request": {"method": method, "url": "Provenance"}, "resource": PROVENANCE}
    return {"resourceType": "Bundle", "type": kind, "entry": [entry]}


# --- probes of more than one request ------------------------------------------------------------------


def drops_elements(playing: Playing) -> bool:
    more = {
        "identifier": [{"value": "1"}],
        "relatesTo": [{"code": "replaces"}],
        "meta": {"tag": [{"code": "x"}]},
        "description": "x",
        "text": {"status": "generated"},
    }
    stored = made(playing, DOCUMENT | more)
    return (
        not {"identifier", "relatesTo", "description", "text"} & set(stored) and "tag" not in stored["meta"]
    )


def overlooks_conditions(playing: Playing) -> bool:
    for _ in range(2):
        playing.ask("POST", "DocumentReference", DOCUMENT, {"if-none-exist": "patient=p1"})
    return len(playing.shelf.of_type("DocumentReference")) == 2


def answers_creates_without_body(playing: Playing) -> bool:
    answer = playing.ask("POST", "DocumentReference", DOCUMENT)
    address = dict(answer.headers)["location"]
    return not answer.body and address.startswith("http") and "_history" not in address


def starts_versions_at_zero(playing: Playing) -> bool:
    versions = [
        dict(playing.ask("POST", body["resourceType"], body).headers)["etag"]
        for body in (DOCUMENT, CONDITION)
    ]
    return versions == ['W/"0"', 'W/"0$0"']


def takes_its_own_versions(playing: Playing) -> bool:
    playing.shelf.put({**CONDITION, "id": "x1"})
    return playing.ask("PUT", "Condition/x1", CONDITION, {"if-match": 'W/"0$0"'}).status == 200


def wants_a_version(playing: Playing) -> bool:
    playing.shelf.put({**CONDITION, "id": "x1"})
    return playing.ask("PUT", "Condition/x1", CONDITION).status == 428


def answers_old_versions(playing: Playing) -> bool:
    for _ in range(2):
        playing.shelf.put({**CONDITION, "id": "x1"})
    return playing.ask("PUT", "Condition/x1", CONDITION, {"if-match": 'W/"0$0"'}).status == 409


def says_now_and_then_that_results_are_missing(playing: Playing) -> bool:
    playing.shelf.put({**CONDITION, "id": "x1"})
    answers = [playing.read("Condition?patient=p1") for _ in range(10)]
    matches = [entry["resource"]["id"] for answer in answers for entry in answer["entry"][:1]]
    codes = [
        entry["resource"]["issue"][0]["code"]
        for answer in answers
        for entry in answer["entry"]
        if entry["search"]["mode"] == "outcome"
    ]
    return matches == ["x1"] * 10 and codes == ["suppressed"] * 2


def fails_over_a_bad_record(playing: Playing) -> bool:
    playing.shelf.put({**CONDITION, "id": "x1"})
    playing.shelf.put({**OBSERVATION, "id": "x1"})
    playing.switch(bad=["Condition/x1"])
    answer = playing.ask("GET", "Condition?patient=p1")
    others = playing.ask("GET", "Observation?patient=p1").status
    return (answer.status, others) == (500, 200) and json.loads(answer.body)["issue"][0][
        "severity"
    ] == "fatal"


def fill_pages(playing: Playing) -> None:
    for number in range(12):
        playing.shelf.put({**DOCUMENT, "id": f"x{number}"})


def pages_by_context(playing: Playing) -> bool:
    fill_pages(playing)
    first = playing.read("DocumentReference?patient=p1")
    address = next((link["url"] for link in first["link"] if link["relation"] == "next"), "")
    if "pageContext=" not in address or "patient" in address:
        return False
    ids = [found["id"] for found in playing.found("DocumentReference?patient=p1")]
    later = [found["id"] for found in playing.found(address.partition("/fhir/")[2])]
    return len(ids) == 10 and later == ["x9", "x10", "x11"]


def opens_page_links(playing: Playing) -> bool:
    fill_pages(playing)
    first = playing.read("DocumentReference?patient=p1")
    address = next((link["url"] for link in first["link"] if link["relation"] == "next"), "")
    return playing.ask("GET", address.partition("/fhir/")[2]).status == 200


def asks_for_more_than_a_page_holds(playing: Playing) -> bool:
    for number in range(25):
        playing.shelf.put({**OBSERVATION, "category": [concept("social-history")], "id": f"s{number}"})
        playing.shelf.put({**OBSERVATION, "id": f"v{number}"})
    ids = [found["id"] for found in playing.found("Observation?patient=p1&_count=5")]
    return [name[0] for name in ids] == ["s"] * 25 + ["v"] * 5


def keeps_its_own_parameters_to_itself(playing: Playing) -> bool:
    answer = playing.read("RelatedPerson?patient=p1&-relationship-level=patient")
    own = "-relationship-level=patient"
    return own in answer["link"][0]["url"] and not any(own in query for query in playing.shelf.queries)


def finds_no_merged_records(playing: Playing) -> bool:
    merged = {"resourceType": "Patient", "id": "p2", "active": False, "link": [{"type": "replaced-by"}]}
    playing.shelf.put(merged)
    combined = {
        "resourceType": "Encounter",
        "id": "e2",
        "status": "unknown",
        "partOf": STAY,
        "subject": PATIENT,
    }
    playing.shelf.put(combined)
    silent = not playing.found("Patient?identifier=1") and not playing.found("Encounter?patient=p1")
    return silent and playing.read("Patient/p2")["id"] == "p2" and playing.read("Encounter/e2")["id"] == "e2"


def mixed_in(playing: Playing) -> set[str]:
    """What a search by stay finds of one condition of each kind."""
    kinds = {
        "diagnosis": (CONDITION, "e1"),
        "diagnosis-of-another-stay": (CONDITION, "e9"),
        "problem": (CONDITION | {"category": [concept("problem-list-item")]}, "e9"),
        "concern": (CONDITION | {"category": [concept("health-concern")]}, "e1"),
    }
    for name, (body, stay) in kinds.items():
        playing.shelf.put({**body, "encounter": {"reference": f"Encounter/{stay}"}, "id": name})
    return {found["id"] for found in playing.found("Condition?patient=p1&encounter=e1")}


def mixes_in_problems(playing: Playing) -> bool:
    return mixed_in(playing) == {"diagnosis", "problem"}


def tells_texts_as_binaries(playing: Playing) -> bool:
    playing.shelf.put({**DOCUMENT, "id": "x1"})
    attachment = playing.read("DocumentReference/x1")["content"][0]["attachment"]
    return "data" not in attachment and attachment["url"].endswith("/Binary/DR-x1")


def reads_binaries(playing: Playing) -> bool:
    playing.shelf.put({**DOCUMENT, "id": "x1"})
    own = playing.ask("GET", "Binary/DR-x1", None, {"accept": "text/html"})
    other = playing.ask("GET", "Binary/DR-x1", None, {"accept": "text/plain"})
    as_json = playing.read("Binary/DR-x1")
    return b"<p>Plan</p>" in own.body and other.status == 406 and as_json.get("resourceType") == "Binary"


def withholds_what_the_app_lacks(playing: Playing) -> bool:
    playing.switch(lacking=["DocumentReference.create"])
    refused = playing.ask("POST", "DocumentReference", DOCUMENT).status
    return (refused, playing.ask("POST", "Condition", CONDITION).status) == (403, 201)


def tells_scopes_of_the_app(playing: Playing) -> bool:
    playing.switch(scopes=["system/DocumentReference.write", "system/Patient.read"])
    granted = json.loads(playing.ask("POST", "auth/token", {"scope": "system/*.cruds"}).body)
    return bool(granted["scope"] == "system/DocumentReference.write system/Patient.read")


def cleans_html(playing: Playing) -> bool:
    text = '<html><body><script>x()</script><p style="color:red">Plan <a href="#">link</a></p></body></html>'
    stored = made(playing, changed(DOCUMENT, "content.0.attachment.data", data(text)))
    return str(stored["content"][0]["attachment"]["data"]) == data(
        "<html><body><p>Plan link</p></body></html>"
    )


def keeps_two_codings(playing: Playing) -> bool:
    codings = [{"system": SNOMED, "code": str(number)} for number in range(3)]
    stored = made(
        playing, changed(CONDITION, "code", {"coding": [*codings, {"code": "9", "userSelected": True}]})
    )
    return [coding["code"] for coding in stored["code"]["coding"]] == ["9", "0"]


def codes_in(told_concept: Json) -> set[str]:
    return {coding["code"] for coding in told_concept["coding"] if "code" in coding}


def drops_extensions(playing: Playing) -> bool:
    extended = {**concept("1", SNOMED), "extension": [{"url": "https://example.org/x", "valueString": "x"}]}
    return "extension" not in made(playing, changed(CONDITION, "code", extended))["code"]


STORED_STAY: Json = {
    "resourceType": "Encounter",
    "subject": PATIENT,
    "type": [{"coding": [{"system": "urn:x", "code": "1", "display": "Inpatient"}]}],
    "period": {"start": "2026-02-25T22:00:00-05:00"},
    "hospitalization": {
        "dischargeDisposition": {
            "coding": [{"system": "urn:x", "code": "snf", "display": "Nursing facility"}]
        }
    },
}
CONCERN: Json = {
    **CONDITION,
    "category": [concept("health-concern")],
    "code": {"coding": [{"system": SNOMED, "code": "1", "display": "Food insecurity"}]},
}
LATE: Json = {**CONDITION, "onsetDateTime": "2026-02-25T22:00:00-05:00"}
FORM: Json = {
    "resourceType": "QuestionnaireResponse",
    "status": "completed",
    "item": [{"linkId": "/1", "text": "Food?"}],
}

PROBES: dict[str, Probe] = {
    # rows 1, 10, 12, 39
    "unlisted type": refuses_search("Subscription?_id=1", 404),
    "unlisted interaction": refuses_create({"resourceType": "CarePlan"}, 405),
    "unlisted include": refuses_search("MedicationRequest?patient=p1&_include=MedicationRequest:medication"),
    "unlisted parameter": refuses_search("DocumentReference?patient=p1&identifier=1"),
    "transaction": lambda playing: playing.ask("POST", "", batch("transaction", "GET")).status == 422,
    "batch that writes": lambda playing: playing.ask("POST", "", batch("batch", "POST")).status == 422,
    "other requests of the base": lambda playing: playing.ask("POST", "", {"type": "message"}).status == 405,
    "token": tells_scopes_of_the_app,
    "APIs that the app lacks": withholds_what_the_app_lacks,
    "no version": wants_a_version,
    "old version": answers_old_versions,
    "conditional create": overlooks_conditions,
    # rows 2, 3
    "DocumentReference: docStatus": refuses_create(changed(DOCUMENT, "docStatus", "preliminary")),
    "DocumentReference: status": refuses_create(changed(DOCUMENT, "status", "superseded")),
    "DocumentReference: contentType": refuses_create(
        changed(DOCUMENT, "content.0.attachment.contentType", "text/html")
    ),
    "DocumentReference: content": refuses_create(changed(DOCUMENT, "content", DOCUMENT["content"] * 2)),
    "DocumentReference: data": refuses_create(changed(DOCUMENT, "content.0.attachment.data")),
    "DocumentReference: creation": refuses_create(
        changed(DOCUMENT, "content.0.attachment.creation", "2026-12-01")
    ),
    "DocumentReference: period": refuses_create(changed(DOCUMENT, "context.period.end", "2026-12-01")),
    "DocumentReference: encounter": refuses_create(changed(DOCUMENT, "context.encounter", [STAY, STAY])),
    "DocumentReference: subject": refuses_create(changed(DOCUMENT, "subject", {"reference": "Group/1"})),
    "DocumentReference: no type": refuses_create(changed(DOCUMENT, "type", {"text": "Plan"})),
    "DocumentReference: two types": refuses_create(
        changed(
            DOCUMENT,
            "type.coding",
            [*DOCUMENT["type"]["coding"], {"system": "https://fhir.cerner.com/x/codeSet/72", "code": "1"}],
        )
    ),
    "DocumentReference: author": refuses_create(
        {
            **changed(DOCUMENT, "author", [{"reference": "#author"}]),
            "contained": [{"resourceType": "Device", "id": "author"}],
        }
    ),
    "DocumentReference: XHTML": refuses_create(
        changed(DOCUMENT, "content.0.attachment.data", data("<p>one<br>two</p>"))
    ),
    "DocumentReference: updated status": refuses_update(DOCUMENT, changed(DOCUMENT, "status", "superseded")),
    "DocumentReference: updated docStatus": refuses_update(
        DOCUMENT, changed(DOCUMENT, "docStatus", "preliminary")
    ),
    "DocumentReference: updated contentType": refuses_update(
        DOCUMENT, changed(DOCUMENT, "content.0.attachment.contentType", "text/plain;charset=utf-8")
    ),
    "DocumentReference: same patient and stay": refuses_update(
        DOCUMENT, changed(DOCUMENT, "context.encounter", [{"reference": "Encounter/e2"}])
    ),
    "HTML": cleans_html,
    # row 4
    "Condition: category": refuses_create(changed(CONDITION, "category", [concept("health-concern")])),
    "Condition: clinicalStatus": refuses_create(changed(CONDITION, "clinicalStatus")),
    "Condition: diagnosis that is over": refuses_create(
        changed(CONDITION, "clinicalStatus", concept("resolved"))
    ),
    "Condition: code": refuses_create(changed(CONDITION, "code", {"text": "Homeless"})),
    "Condition: encounter": refuses_create(changed(CONDITION, "encounter")),
    "Condition: abatement": refuses_create(changed(CONDITION, "abatementDateTime", "2026-12-01")),
    "Condition: onset": refuses_create(changed(CONDITION, "onsetString", "in youth")),
    "Condition: verificationStatus": refuses_create(
        changed(CONDITION, "verificationStatus", concept("refuted"))
    ),
    "Condition: note": refuses_update(
        changed(CONDITION, "note", [{"text": "one"}]), changed(CONDITION, "note", [{"text": "two"}])
    ),
    "two codings": keeps_two_codings,
    # rows 5 to 9
    "Provenance: target": refuses_create(changed(PROVENANCE, "target", PROVENANCE["target"] * 2)),
    "Provenance: type of target": refuses_create(
        changed(PROVENANCE, "target", [{"reference": "ServiceRequest/1"}])
    ),
    "Provenance: recorded": refuses_create(changed(PROVENANCE, "recorded")),
    "Provenance: agent": refuses_create(changed(PROVENANCE, "agent", [{"onBehalfOf": PERSON}])),
    "Communication: status": refuses_create(changed(MESSAGE, "status", "in-progress")),
    "Communication: category": refuses_create(changed(MESSAGE, "category")),
    "Communication: priority": refuses_create(changed(MESSAGE, "priority", "stat")),
    "Communication: encounter": refuses_create(changed({**MESSAGE, "encounter": STAY}, "subject")),
    "Communication: sender": refuses_create(changed(MESSAGE, "sender", {"reference": "Device/1"})),
    "Communication: recipient": refuses_create(changed(MESSAGE, "recipient", [{"display": "Care team"}])),
    "Communication: payload": refuses_create(
        changed(MESSAGE, "payload", [{"contentString": "A plan is ready."}])
    ),
    "Observation: category": refuses_create(changed(OBSERVATION, "category", [concept("sdoh")])),
    "modifier extension": refuses_create(
        CONDITION | {"modifierExtension": [{"url": "https://example.org/x"}]}
    ),
    "implicitRules": refuses_create(CONDITION | {"implicitRules": "https://example.org/x"}),
    "elements kept": drops_elements,
    "extensions": drops_extensions,
    # row 11
    "answer of a create": answers_creates_without_body,
    "versions": starts_versions_at_zero,
    "versions read": takes_its_own_versions,
    # rows 13, 14
    "required parameters": refuses_search("RelatedPerson?patient=p1"),
    "parameters not together": refuses_search("CareTeam?patient=p1&encounter=e1&status=active"),
    "dates": refuses_search("Encounter?patient=p1&date=2026-12-01T10:00:00Z"),
    "values": refuses_search("CarePlan?patient=p1&category=longitudinal"),
    "status of a stay without its patient": refuses_search("Encounter?subject=Patient/p1&status=planned"),
    "parameters of its own": keeps_its_own_parameters_to_itself,
    "JSON only": lambda playing: (
        playing.ask("GET", "Condition?patient=p1", None, {"accept": "application/fhir+xml"}).status == 406
    ),
    # rows 15 to 17
    "suppressed results": says_now_and_then_that_results_are_missing,
    "bad record": fails_over_a_bad_record,
    "page links": opens_page_links,
    "pages": pages_by_context,
    "all of a search": asks_for_more_than_a_page_holds,
    "merged and combined": finds_no_merged_records,
    # rows 18 to 20 and section 2.5
    "local dispositions": told(
        STORED_STAY,
        lambda stay: "snf" not in codes_in(stay["hospitalization"]["dischargeDisposition"]),
    ),
    "local codings": told(
        CONDITION,
        lambda condition: (
            [coding.get("userSelected") for coding in condition["code"]["coding"]] == [True, False]
        ),
    ),
    "unmapped codings": told(
        STORED_STAY,
        lambda stay: "code" not in stay["type"][0]["coding"][-1] and stay["type"][0]["text"] == "Inpatient",
    ),
    "onset": told(LATE, lambda condition: condition["onsetDateTime"] == "2026-02-26"),
    "times": told(STORED_STAY, lambda stay: stay["period"]["start"] == "2026-02-26T03:00:00.000Z"),
    "care plans": told({"resourceType": "CarePlan", "activity": [{}]}, lambda plan: "activity" not in plan),
    "answers": told(
        FORM, lambda form: form["status"] == "in-progress" and form["item"][0]["linkId"].isdigit()
    ),
    "health concerns": told(
        CONCERN,
        lambda condition: (
            condition["code"].get("text") == "Food insecurity"
            and not condition["clinicalStatus"].get("coding")
        ),
    ),
    "stay of a search for conditions": mixes_in_problems,
    "problems of any stay": mixes_in_problems,
    "home of a Binary": reads_binaries,
    "Binary": reads_binaries,
    "text in a Binary": tells_texts_as_binaries,
}
