"""The two vendors that mostly read: what they take, how they page, and who answers for them when it is nobody."""

import pytest

from tests.unit.sandbox.written_ehr import BASE, WrittenEhr

pytest.importorskip("sekmet")

BOOKS = ("athena-like", "meditech-like")
PATIENT = {"resourceType": "Patient", "id": "p1"}
ANSWERS = {
    "resourceType": "QuestionnaireResponse",
    "status": "completed",
    "subject": {"reference": "Patient/p1"},
}
MESSAGE = {"resourceType": "Communication", "status": "completed", "subject": {"reference": "Patient/p1"}}


def problems(count):
    for number in range(count):
        yield {"resourceType": "Condition", "id": f"c{number}", "subject": {"reference": "Patient/p1"}}


def played(vendor, folder, without=""):
    ehr = WrittenEhr(vendor, folder, without=without)
    ehr.put(PATIENT, *problems(5))
    return ehr


@pytest.fixture
def athena(tmp_path):
    return played("athena-like", tmp_path)


@pytest.fixture
def meditech(tmp_path):
    return played("meditech-like", tmp_path)


def test_meditech_takes_messages_and_answers(meditech):
    assert [meditech.post(body).status for body in (MESSAGE, ANSWERS)] == [201, 201]
    [answers] = meditech.held("QuestionnaireResponse?patient=p1")
    assert meditech.ask("PUT", f"QuestionnaireResponse/{answers['id']}", answers).status == 200
    assert meditech.post({"resourceType": "DocumentReference"}).status == 405


def test_athena_takes_answers_and_has_no_messages(athena):
    assert athena.post(ANSWERS).status == 201
    assert athena.post(MESSAGE).status == 404


@pytest.mark.parametrize("vendor", BOOKS)
def test_a_repeated_create_makes_a_second_record(tmp_path, vendor):
    ehr = played(vendor, tmp_path)
    for _ in range(2):
        ehr.post(ANSWERS, If_None_Exist="patient=p1")
    assert len(ehr.held("QuestionnaireResponse?patient=p1")) == 2
    lax = played(vendor, tmp_path, without="conditional create")
    for _ in range(2):
        lax.post(ANSWERS, If_None_Exist="patient=p1")
    assert len(lax.held("QuestionnaireResponse?patient=p1")) == 1


@pytest.mark.parametrize(("vendor", "name"), [("athena-like", "cursor"), ("meditech-like", "continue")])
def test_a_search_goes_on_by_the_parameter_of_the_statement(tmp_path, vendor, name):
    ehr = played(vendor, tmp_path)
    found, address = [], "Condition?patient=p1&_count=2"
    while address:
        page = ehr.read(address)
        found += [entry["resource"]["id"] for entry in page["entry"]]
        links = {link["relation"]: link["url"] for link in page["link"]}
        assert "_offset" not in links.get("next", "")
        address = links.get("next", "").removeprefix(f"{BASE}/")
        assert not address or f"{name}=" in address
    assert sorted(found) == [f"c{number}" for number in range(5)]
    plain = played(vendor, tmp_path, without="opaque links")
    assert "_offset" in str(plain.read("Condition?patient=p1&_count=2")["link"])


def test_where_meditech_lists_no_such_parameter_all_stands_on_one_page(meditech):
    allergy = {"resourceType": "AllergyIntolerance", "patient": {"reference": "Patient/p1"}}
    meditech.put(*({**allergy, "id": f"a{number}"} for number in range(30)))
    page = meditech.read("AllergyIntolerance?patient=p1")
    assert len(page["entry"]) == 30
    assert "next" not in {link["relation"] for link in page["link"]}


@pytest.mark.parametrize(
    "address",
    [
        "MedicationRequest?patient=p1",
        "Appointment?ah-practice=1",
        "Patient?family=Mockley",
        "Encounter?date=2026",
    ],
)
def test_a_search_of_athena_says_what_its_statement_asks_for(tmp_path, address):
    assert played("athena-like", tmp_path).ask("GET", address).status == 400
    assert played("athena-like", tmp_path, without="required parameters").ask("GET", address).status == 200


def test_athena_takes_any_of_the_alternatives(athena):
    for address in (
        "MedicationRequest?patient=p1&intent=order",
        "Patient?family=Mockley&given=Walter",
        "Encounter?_id=e1",
    ):
        assert athena.ask("GET", address).status == 200


def test_what_athenas_gateway_refuses_is_plain_text(athena):
    for method, address in (("GET", "Task/1"), ("DELETE", "Condition/c1"), ("POST", "")):
        told = athena.ask(method, address, {"resourceType": "Bundle", "type": "batch"})
        assert told.status in {404, 405}
        assert dict(told.headers)["content-type"] == "text/plain"
        assert not told.body.startswith(b"{")
