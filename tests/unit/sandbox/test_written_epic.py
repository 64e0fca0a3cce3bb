"""Each written rule of Epic is enforced by its own entry: without the entry the same request passes."""

import base64
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from service.sandbox.vendor import Vendor
from service.sandbox.written.epic import EPIC
from service.sandbox.written.epic_issues import SYSTEM
from service.sandbox.written.epic_searches import MOST, PAGE
from tests.unit.sandbox.layers import Behind, ask
from tests.unit.sandbox.written_ehr import BASE, WrittenEhr, code_of

pytest.importorskip("sekmet")

Json = dict[str, Any]
#: Whether a rule is enforced, by a request that it is about.
Probe = Callable[[WrittenEhr], bool]
ROWS = {*range(21, 37), 39, 40}

STAY = {
    "resourceType": "Encounter",
    "id": "e1",
    "status": "in-progress",
    "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
    "subject": {"reference": "Patient/p1"},
    "participant": [{"individual": {"reference": "Practitioner/arthur"}}],
    "period": {"start": "2026-11-28T22:00:00-06:00"},
    "hospitalization": {
        "dischargeDisposition": {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/discharge-disposition", "code": "home"}
            ]
        }
    },
}
TEAM = {
    "resourceType": "CareTeam",
    "id": "t1",
    "status": "active",
    "subject": {"reference": "Patient/p1"},
    "encounter": {"reference": "Encounter/e1"},
    "participant": [
        {"member": {"reference": "Practitioner/sarah"}, "role": [{"text": "Social worker"}]},
        {"member": {"reference": "RelatedPerson/daughter"}},
    ],
}


def text(words: str, kind: str = "text/plain") -> Json:
    return {"attachment": {"contentType": kind, "data": base64.b64encode(words.encode()).decode()}}


def note(**changes: Any) -> Json:
    """A note as it is taken."""
    return {
        "resourceType": "DocumentReference",
        "status": "current",
        "docStatus": "final",
        "type": {"coding": [{"system": "http://loinc.org", "code": "18776-5"}]},
        "subject": {"reference": "Patient/p1"},
        "date": "2026-12-01T12:00:00Z",
        "content": [text("The plan.")],
        "context": {"encounter": [{"reference": "Encounter/e1"}]},
        **changes,
    }


def concept(code: str) -> Json:
    return {"coding": [{"system": "http://example.org/codes", "code": code}]}


def problem(**changes: Any) -> Json:
    """A problem as it is taken."""
    return {
        "resourceType": "Condition",
        "clinicalStatus": concept("active"),
        "verificationStatus": concept("provisional"),
        "category": [concept("problem-list-item")],
        "code": concept("Z59.41"),
        "subject": {"reference": "Patient/p1"},
        **changes,
    }


def vital_sign(**changes: Any) -> Json:
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [concept("vital-signs")],
        "code": concept("8867-4"),
        "subject": {"reference": "Patient/p1"},
        **changes,
    }


ANSWERS: Json = {
    "resourceType": "QuestionnaireResponse",
    "status": "completed",
    "questionnaire": "http://example.org/forms/food|1",
    "subject": {"reference": "Patient/p1"},
}
MESSAGE: Json = {
    "resourceType": "Communication",
    "status": "completed",
    "subject": {"reference": "Patient/p1"},
    "encounter": {"reference": "Encounter/e1"},
    "basedOn": [{"reference": "Task/k1"}],
}
TASK: Json = {
    "resourceType": "Task",
    "id": "k1",
    "status": "requested",
    "intent": "order",
    "for": {"reference": "Patient/p1"},
    "code": concept("community-resource"),
    "focus": {"reference": "http://example.org/forms/food"},
}
ORDER: Json = {
    "resourceType": "ServiceRequest",
    "status": "draft",
    "intent": "order",
    "subject": {"reference": "Patient/p1"},
}


def observations(count: int) -> Iterator[Json]:
    return ({**vital_sign(), "id": f"o{number}"} for number in range(count))


# --- probes: each says whether the rule is enforced --------------------------------------------------


def is_refused(body: Json, status: int, code: str, ehr: WrittenEhr) -> bool:
    told = ehr.post(body)
    return (told.status, code_of(told)) == (status, code)


def refuses(body: Json, status: int = 400, code: str = "59159") -> Probe:
    return partial(is_refused, body, status, code)


def refuses_silently(method: str, address: str, body: Json) -> Probe:
    def probe(ehr: WrittenEhr) -> bool:
        told = ehr.ask(method, address, body)
        return (told.status, told.body) == (403, b"")

    return probe


def keeps_the_first_attachment(ehr: WrittenEhr) -> bool:
    assert ehr.post(note(content=[text("First."), text("<p>", "text/html"), text("Third.")])).status == 201
    [held] = ehr.held("DocumentReference?patient=p1")
    return bool(held["content"] == [text("First.")])


def leaves_a_note_as_it_is(ehr: WrittenEhr) -> bool:
    ehr.put({**note(), "id": "n1"})
    told = ehr.ask("PUT", "DocumentReference/n1", {**note(status="entered-in-error"), "id": "n1"})
    [held] = ehr.held("DocumentReference?patient=p1")
    return (told.status, told.body) == (403, b"") and held["status"] == "current"


def shows_problems_once_a_clinician_has_reconciled_them(ehr: WrittenEhr) -> bool:
    assert ehr.post(problem()).status == 201
    assert len(ehr.held("Condition?patient=p1")) == 1
    before = ehr.matches("Condition?patient=p1")
    ehr.switch(reconciled=True)
    return not before and len(ehr.matches("Condition?patient=p1")) == 1


def answers_a_create_without_body(ehr: WrittenEhr) -> bool:
    told = ehr.post(note())
    asked_for = ehr.post(note(), Prefer="return=representation")
    kind, _, name = dict(told.headers)["location"].partition("/")
    return not told.body and kind == "DocumentReference" and "/" not in name and bool(asked_for.body)


def tells_no_version_of_what_is_written(ehr: WrittenEhr) -> bool:
    told = ehr.post(note())
    assert told.status == 201
    return "etag" not in dict(told.headers)


def makes_a_second_record_of_a_repeated_create(ehr: WrittenEhr) -> bool:
    for _ in range(2):
        ehr.post(note(), If_None_Exist="patient=p1")
    return len(ehr.held("DocumentReference?patient=p1")) == 2


def refuses_bundles(ehr: WrittenEhr) -> bool:
    entry = {"request": {"method": "GET", "url": "Patient/p1"}}
    statuses = {
        ehr.ask("POST", "", {"resourceType": "Bundle", "type": kind, "entry": [entry]}).status
        for kind in ("batch", "transaction")
    }
    return statuses == {405}


def refuses_what_the_statement_does_not_list(ehr: WrittenEhr) -> bool:
    ehr.put({**ORDER, "id": "r1"})
    kinds = ("MedicationRequest", "CarePlan", "Goal", "Task", "Provenance", "List")
    statuses = {ehr.post({"resourceType": kind}).status for kind in kinds}
    statuses |= {
        ehr.ask("PATCH", "ServiceRequest/r1", {}).status,
        ehr.ask("DELETE", "ServiceRequest/r1").status,
    }
    return statuses == {405}


def keeps_no_identifier(ehr: WrittenEhr) -> bool:
    ours = [{"system": "urn:ietf:rfc:3986", "value": "urn:uuid:1"}]
    assert ehr.post(note(identifier=ours)).status == 201
    by_identifier = ehr.matches("DocumentReference?patient=p1&identifier=urn:uuid:1")
    by_kind = ehr.matches("DocumentReference?patient=p1&encounter=e1&type=18776-5&date=2026-12-01")
    assert len(by_kind) == 1
    return by_identifier == []


def warns_beside_matches(ehr: WrittenEhr) -> bool:
    warned = ehr.remarks("Patient?_id=p1")
    ehr.switch(warns=False)
    assert ehr.remarks("Patient?_id=p1") == []
    return warned == ["4119"]


def says_that_there_is_nothing(ehr: WrittenEhr) -> bool:
    answer = ehr.read("Goal?patient=p1")
    return ehr.remarks("Goal?patient=p1") == ["4101"] and (answer["total"], len(answer["entry"])) == (0, 1)


def leaves_an_unknown_parameter_out(ehr: WrittenEhr) -> bool:
    """The server behind would do the same by itself, but it says so in its own words, and its self link shows none of it."""
    ehr.put({**note(), "id": "n1"})
    address = "DocumentReference?patient=p1&context=nobody"
    return "4122" in ehr.remarks(address) and len(ehr.matches(address)) == 1


def asks_without_an_unknown_parameter(ehr: WrittenEhr) -> bool:
    """Other parameters than those of the statement do not narrow the search, though the server behind knows them."""
    ehr.put({**note(), "id": "n1"})
    return len(ehr.matches("DocumentReference?patient=p1&_lastUpdated=lt2001-01-01")) == 1


def leaves_an_unknown_value_out(ehr: WrittenEhr) -> bool:
    ehr.put({**problem(), "id": "c1"})
    return len(ehr.matches("Condition?patient=p1&category=invented")) == 1


def remarks_on_an_unknown_value(ehr: WrittenEhr) -> bool:
    answer = ehr.ask("GET", "Condition?patient=p1&category=problem-list-item,invented")
    return answer.status == 200 and "59101" in ehr.remarks("Condition?patient=p1&category=invented")


def says_that_a_part_is_seen(ehr: WrittenEhr) -> bool:
    assert "59204" not in ehr.remarks("Condition?patient=p1")
    ehr.switch(partial=["Condition"])
    return "59204" in ehr.remarks("Condition?patient=p1")


def gives_no_more_than_a_hundred(ehr: WrittenEhr) -> bool:
    ehr.put(*observations(MOST + 5))
    address = "Observation?patient=p1&category=vital-signs&_count=1000"
    pages = list(pages_of(ehr, address))
    given = sum(
        entry["resource"]["resourceType"] == "Observation" for page in pages for entry in page["entry"]
    )
    return "59133" in ehr.remarks(address) and pages[0]["total"] == MOST and given == MOST


def pages_of(ehr: WrittenEhr, address: str) -> Iterator[Json]:
    while address:
        page = ehr.read(address)
        yield page
        links = {link["relation"]: link["url"] for link in page["link"]}
        address = links.get("next", "").removeprefix(f"{BASE}/")


def cuts_short_pages(ehr: WrittenEhr) -> bool:
    ehr.put(*observations(PAGE + 3))
    address = "Observation?patient=p1&category=vital-signs&_count=100"
    ids = [[e["resource"].get("id") for e in page["entry"]] for page in pages_of(ehr, address)]
    assert {name for page in ids for name in page if name} == {f"o{number}" for number in range(PAGE + 3)}
    of_five = next(pages_of(ehr, "Observation?patient=p1&category=vital-signs&_count=5"))
    shown = sum(entry["resource"]["resourceType"] == "Observation" for entry in of_five["entry"])
    return len(ids) == 2 and shown < 5 and any(link["relation"] == "next" for link in of_five["link"])


def names_pages_by_a_session(ehr: WrittenEhr) -> bool:
    ehr.put(*observations(PAGE + 3))
    first = ehr.read("Observation?patient=p1&category=vital-signs&_count=5")
    links = {link["relation"]: link["url"] for link in first["link"]}
    return set(links) == {"self", "next"} and "p1" not in links["next"]


def ends_sessions(ehr: WrittenEhr) -> bool:
    ehr.put(*observations(PAGE + 3))
    first = ehr.read("Observation?patient=p1&category=vital-signs&_count=5")
    [following] = [link["url"] for link in first["link"] if link["relation"] == "next"]
    address = following.removeprefix(f"{BASE}/")
    assert ehr.ask("GET", address).status == 200
    ehr.switch(session_seconds=-1)
    told = ehr.ask("GET", address)
    return (told.status, code_of(told)) == (400, "4113")


def wants_a_kind(ehr: WrittenEhr) -> bool:
    told = [ehr.ask("GET", f"{kind}?patient=p1") for kind in ("Observation", "CarePlan")]
    assert ehr.ask("GET", "Observation?patient=p1&code=8867-4").status == 200
    return {(one.status, code_of(one)) for one in told} == {(400, "59108")}


def wants_a_patient(ehr: WrittenEhr) -> bool:
    told = ehr.ask("GET", "ServiceRequest?code=58000006")
    return (told.status, code_of(told)) == (400, "4110")


def tells_no_metadata(ehr: WrittenEhr) -> bool:
    [entry] = ehr.matches("Patient?_id=p1")
    return "meta" not in entry and "meta" not in ehr.read("Patient/p1")


def tells_no_version_of_what_is_read(ehr: WrittenEhr) -> bool:
    return "etag" not in dict(ehr.ask("GET", "Patient/p1").headers)


def tells_no_addresses(ehr: WrittenEhr) -> bool:
    return all("fullUrl" not in entry for entry in ehr.read("Patient?_id=p1")["entry"])


def writes_references_in_full(ehr: WrittenEhr) -> bool:
    references = {ehr.read("Encounter/e1")["subject"]["reference"]}
    references |= {stay["subject"]["reference"] for stay in ehr.matches("Encounter?patient=p1")}
    return references == {f"{BASE}/Patient/p1"}


def gives_long_ids(ehr: WrittenEhr) -> bool:
    told = ehr.post(note(), Prefer="return=representation")
    return len(json.loads(told.body)["id"]) == 64


def names_the_team_as_participants(ehr: WrittenEhr) -> bool:
    both = [ehr.read("Encounter/e1"), *ehr.matches("Encounter?patient=p1")]
    names = [
        {part["individual"]["reference"].rpartition("/")[2] for part in stay["participant"]} for stay in both
    ]
    return names == [{"arthur", "sarah"}] * 2


def leaves_staff_out_of_care_teams(ehr: WrittenEhr) -> bool:
    [team] = ehr.matches("CareTeam?patient=p1")
    return [part["member"]["reference"].rpartition("/")[2] for part in team["participant"]] == ["daughter"]


def tells_local_codes(ehr: WrittenEhr) -> bool:
    stay = ehr.read("Encounter/e1")
    place = stay["hospitalization"]["dischargeDisposition"]
    systems = {stay["class"]["system"][:7], *(coding["system"][:7] for coding in place["coding"])}
    return systems == {"urn:oid"} and place["text"] == place["coding"][0]["display"]


def keeps_a_record_back(ehr: WrittenEhr) -> bool:
    ehr.switch(break_the_glass=["p1"])
    addresses = ("Patient/p1", "Encounter/e1", "Condition?patient=p1", "Encounter?subject=Patient/p1")
    told = [ehr.ask("GET", address) for address in addresses]
    told.append(ehr.post(note()))
    return {(one.status, code_of(one)) for one in told} == {(403, "4130")}


def leaves_a_record_out_of_other_searches(ehr: WrittenEhr) -> bool:
    ehr.switch(break_the_glass=["p1"])
    return ehr.matches("Encounter?status=in-progress") == []


def leads_to_the_record_that_goes_on(ehr: WrittenEhr) -> bool:
    link = {"type": "replaced-by", "other": {"reference": "Patient/p1"}}
    ehr.put({"resourceType": "Patient", "id": "old", "active": False, "link": [link]})
    told = ehr.ask("GET", "Patient/old")
    where = dict(told.headers).get("location")
    return (told.status, code_of(told), where) == (301, "4107", f"{BASE}/Patient/p1")


def says_what_was_deleted(ehr: WrittenEhr) -> bool:
    ehr.put({**ORDER, "id": "r1"})
    ehr.delete("ServiceRequest/r1")
    told = ehr.ask("GET", "ServiceRequest/r1")
    assert told.status == 410
    return code_of(told) == "4103"


GROUP: Json = {
    "resourceType": "Group",
    "id": "g1",
    "type": "person",
    "actual": True,
    "code": concept("inpatients"),
}


def has_no_group_of_inpatients(ehr: WrittenEhr) -> bool:
    ehr.put(GROUP, {**GROUP, "id": "g2", "code": concept("employer")})
    assert ehr.ask("GET", "Group/g2").status == 200
    return ehr.ask("GET", "Group/g1").status == 404


def finds_employers_groups(ehr: WrittenEhr) -> bool:
    ehr.put(GROUP, {**GROUP, "id": "g2", "code": concept("employer")})
    return [group["id"] for group in ehr.matches("Group?_id=g1,g2")] == ["g2"]


def lists_who_is_in_hospital(ehr: WrittenEhr) -> bool:
    census = ehr.read("List/inpatients")
    return [entry["item"]["reference"] for entry in census.get("entry", [])] == [f"{BASE}/Patient/p1"]


def withholds_what_the_app_lacks(ehr: WrittenEhr) -> bool:
    ehr.switch(lacking=["CareTeam.search-type"])
    assert ehr.ask("GET", "Patient/p1").status == 200
    told = ehr.ask("GET", "CareTeam?patient=p1")
    return (told.status, told.body) == (403, b"")


PROBES: list[tuple[int, str, Probe]] = [
    (21, "orders", refuses_silently("POST", "ServiceRequest", ORDER)),
    (21, "orders", refuses_silently("PUT", "ServiceRequest/r1", {**ORDER, "id": "r1"})),
    (21, "unlisted interaction", refuses_what_the_statement_does_not_list),
    (22, "status of a note", refuses(note(status="superseded"))),
    (22, "status of a note", refuses(note(docStatus="amended"))),
    (22, "text of a note", refuses(note(content=[text("<p>", "text/html"), text("Second.")]))),
    (22, "text of a note", refuses(note(content=[]))),
    (22, "type of a note", refuses(note(type=concept("18842-5")))),
    (22, "stay of a note", refuses(note(context={}), code="59144")),
    (
        22,
        "stay of a note",
        refuses(note(context={"encounter": [{"reference": "Encounter/no"}]}), code="59144"),
    ),
    (22, "patient of a note", refuses(note(subject={"reference": "Patient/p2"}), code="59144")),
    (23, "one attachment", keeps_the_first_attachment),
    (24, "notes stay", leaves_a_note_as_it_is),
    (25, "category of a problem", refuses(problem(category=[concept("health-concern")]))),
    (25, "category of a problem", refuses(problem(category=[concept("encounter-diagnosis")]))),
    (25, "certainty of a problem", refuses(problem(verificationStatus=concept("confirmed")), 422, "59012")),
    (25, "content of a problem", refuses(problem(clinicalStatus=concept("resolved")))),
    (25, "content of a problem", refuses(problem(note=[{"text": "x" * 451}]))),
    (25, "content of a problem", refuses(problem(note=[{"text": "a"}, {"text": "b"}]))),
    (26, "problems await a clinician", shows_problems_once_a_clinician_has_reconciled_them),
    (26, "problems are not shown before", shows_problems_once_a_clinician_has_reconciled_them),
    (27, "vital signs only", refuses(vital_sign(category=[concept("survey")]))),
    (27, "vital signs only", refuses(vital_sign(category=[concept("sdoh")]))),
    (27, "vital signs only", refuses(vital_sign(category=[concept("social-history")]))),
    (27, "flowsheet row", refuses(vital_sign(code={"text": "Pulse"}), code="59188")),
    (27, "assigned questionnaires", refuses(ANSWERS)),
    (
        27,
        "stay of a message",
        refuses({**MESSAGE, "encounter": None, "basedOn": [{"reference": "Task/ref"}]}),
    ),
    (27, "referral of a message", refuses({**MESSAGE, "basedOn": []}, code="59144")),
    (28, "answer of a create", answers_a_create_without_body),
    (28, "no ETag", tells_no_version_of_what_is_written),
    (28, "conditional create", makes_a_second_record_of_a_repeated_create),
    (28, "bundles", refuses_bundles),
    (29, "entire record", warns_beside_matches),
    (29, "no results", says_that_there_is_nothing),
    (30, "unknown parameters", asks_without_an_unknown_parameter),
    (30, "remark on parameters", leaves_an_unknown_parameter_out),
    (30, "unknown values", leaves_an_unknown_value_out),
    (30, "remark on values", remarks_on_an_unknown_value),
    (30, "remark on a partial grant", says_that_a_part_is_seen),
    (30, "cap", gives_no_more_than_a_hundred),
    (31, "kind of a search", wants_a_kind),
    (31, "patient of a search", wants_a_patient),
    (32, "short pages", cuts_short_pages),
    (32, "opaque links", names_pages_by_a_session),
    (32, "expired pages", ends_sessions),
    (33, "no metadata", tells_no_metadata),
    (33, "no version of what is read", tells_no_version_of_what_is_read),
    (33, "no addresses", tells_no_addresses),
    (33, "references in full", writes_references_in_full),
    (33, "long ids", gives_long_ids),
    (34, "participants", names_the_team_as_participants),
    (34, "care teams", leaves_staff_out_of_care_teams),
    (34, "local codes", tells_local_codes),
    (35, "break the glass", keeps_a_record_back),
    (35, "others behind the glass", leaves_a_record_out_of_other_searches),
    (35, "merged patients", leads_to_the_record_that_goes_on),
    (35, "deleted", says_what_was_deleted),
    (36, "employer groups", has_no_group_of_inpatients),
    (36, "groups found", finds_employers_groups),
    (36, "census", lists_who_is_in_hospital),
    (39, "APIs that the app lacks", withholds_what_the_app_lacks),
    (40, "identifiers are not kept", keeps_no_identifier),
]
NAMES = [f"{row} {name} {number}" for number, (row, name, _) in enumerate(PROBES)]


def ehr_with_a_patient(folder: Path, without: str = "") -> WrittenEhr:
    ehr = WrittenEhr("epic-like", folder, without=without)
    referral = {**TASK, "id": "ref", "focus": None}
    ehr.put(
        {"resourceType": "Patient", "id": "p1"}, {"resourceType": "Patient", "id": "p2"}, STAY, TEAM, referral
    )
    return ehr


@pytest.fixture
def ehr(tmp_path):
    return ehr_with_a_patient(tmp_path)


@pytest.mark.parametrize(("row", "name", "probe"), PROBES, ids=NAMES)
def test_a_written_rule_is_enforced_and_by_its_entry_alone(tmp_path, row, name, probe):
    assert probe(ehr_with_a_patient(tmp_path))
    [entry] = [entry for entry in EPIC.entries if entry.name == name]
    assert entry.row in {row, 1}
    assert not probe(ehr_with_a_patient(tmp_path, without=name))


def test_every_row_and_every_entry_of_a_row_has_a_probe():
    probed = {name for _, name, _ in PROBES}
    elsewhere = {"scopes of the app", "unlisted type"}  # below
    assert {entry.name for entry in EPIC.entries if entry.row} == probed | elsewhere
    assert {row for row, _, _ in PROBES} == ROWS


def test_what_is_taken_is_answered_201_and_stands_in_the_chart(ehr):
    ehr.put(TASK)
    taken = (note(), note(docStatus="preliminary"), problem(), vital_sign(), ANSWERS, MESSAGE)
    assert [ehr.post(body).status for body in taken] == [201] * len(taken)
    assert len(ehr.held("DocumentReference?patient=p1")) == 2


def test_a_note_is_taken_once_the_stay_has_ended(ehr):
    ehr.put({**STAY, "status": "finished"})
    assert ehr.post(note()).status == 201


def test_a_clinician_may_reconcile_one_problem_and_leave_another(ehr):
    for code in ("Z59.41", "Z60.2"):
        ehr.post(problem(code=concept(code)))
    one, _ = ehr.held("Condition?patient=p1")
    ehr.switch(reconciled=[one["id"]])
    assert [found["id"] for found in ehr.matches("Condition?patient=p1")] == [one["id"]]


def test_a_problem_that_is_not_shown_leaves_an_empty_answer(ehr):
    ehr.post(problem())
    assert ehr.remarks("Condition?patient=p1") == ["4101"]


def test_a_type_that_is_not_there_is_404(ehr):
    assert ehr.ask("GET", "Subscription?status=active").status == 404


def test_a_next_link_that_nobody_gave_is_an_expired_one(ehr):
    assert code_of(ehr.ask("GET", "Condition?session=invented")) == "4113"


def test_refusals_carry_epics_codes_and_no_value(ehr):
    told = json.loads(ehr.post(problem(verificationStatus=concept("confirmed"))).body)
    [issue] = told["issue"]
    assert (issue["severity"], issue["details"]["coding"][0]["system"]) == ("fatal", SYSTEM)
    assert "confirmed" not in json.dumps(told)


def token_told(book, body):
    behind = Behind({"access_token": "t", "token_type": "bearer", "scope": "system/*.rs"})
    told = ask(Vendor(behind, "epic-like", book=book), "POST", "auth/token", body)
    assert told is not None
    return json.loads(told.body)


def test_a_token_has_the_scopes_of_the_app_in_the_spelling_of_smart_v1():
    asked = {"grant_type": "client_credentials", "scope": "system/*.rs"}
    scopes = token_told(EPIC, asked)["scope"].split()
    assert "system/DocumentReference.write" in scopes
    assert all(scope.rpartition(".")[2] in {"read", "write"} for scope in scopes)
    assert token_told(EPIC.without("scopes of the app"), asked)["scope"] == "system/*.rs"


def test_a_search_by_form_keeps_to_the_same_rules(ehr):
    form = "application/x-www-form-urlencoded"
    assert ehr.ask("POST", "Observation/_search?patient=p1", None, Content_Type=form).status == 400
