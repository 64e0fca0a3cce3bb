"""Answers with warnings, opaque self links and failing records, as vendors send them, seen through searches."""

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest

from config.tenants import Tenant
from fhir_mappings.bundle import Search
from service.domain.record import GapReason
from service.ehr.client import Ehr
from service.ehr.search import Lack
from service.errors import EhrUnavailable
from tests.unit.ehr.odd_server import OddServer, Told, fhir, odd_server, statement

EPIC = "urn:oid:1.2.840.114350.1.13.0.1.7.2.657369"
PHI = "Zelda Testperson has been told"
QUESTION = Search("Condition", (("patient", "7"), ("category", "problem-list-item")))
ASKED = "Condition?patient=7&category=problem-list-item"


def issue(severity="warning", code="processing", detail="", **more):
    coding = [{"system": EPIC, "code": detail}] if detail else []
    details = {"coding": coding, "text": PHI}
    return {"severity": severity, "code": code, "details": details, "diagnostics": PHI} | more


def outcome(*issues):
    return {"resourceType": "OperationOutcome", "issue": list(issues)}


def condition(number, patient="7", **more):
    subject = {"reference": f"Patient/{patient}"}
    return {"resourceType": "Condition", "id": number, "subject": subject} | more


def page(*resources, told=ASKED, following=""):
    links = [{"relation": "self", "url": told}] if told is not None else []
    links += [{"relation": "next", "url": following}] if following else []
    entries = [{"resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries}


@pytest.fixture
def server() -> Iterator[OddServer]:
    with odd_server() as running:
        running.tell("GET", "/metadata", statement(Condition=("patient", "category")))
        yield running


@pytest.fixture
def ehr(server: OddServer) -> Iterator[Ehr]:
    tenant = Tenant(id="t", fhir_base_url=server.url, organization="Example")
    with Ehr(tenant, sleep=lambda _: None) as client:
        yield client


def asked_for(server, ehr, first, question=QUESTION, **pages):
    """The result of a search whose first page is this one."""
    server.tell("GET", f"/{question.url}&_count=1000", fhir(first))
    for path, content in pages.items():
        server.tell("GET", f"/{path}", fhir(content))
    [result] = ehr.batch([question])
    assert all(PHI not in gap.detail for gap in result.gaps)
    return result


def ids(result):
    return [resource["id"] for resource in result.resources]


def reasons(result):
    return [gap.reason for gap in result.gaps]


# --- warnings -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("issues", "expected"),
    [
        ([issue(detail="4119")], []),
        ([issue(detail="4119"), issue("information")], []),
        ([issue(detail="4119"), issue(code="suppressed")], [GapReason.INCOMPLETE]),
        ([issue(code="suppressed"), issue(code="suppressed")], [GapReason.INCOMPLETE]),
        ([issue(detail="59204")], [GapReason.INCOMPLETE]),
        ([issue("information", detail="59133")], [GapReason.INCOMPLETE]),
        ([issue("error", "exception")], [GapReason.INCOMPLETE]),
        ([issue("error", "forbidden")], [GapReason.REFUSED]),
        ([issue()], [GapReason.UNCERTAIN]),
        ([issue(code="not-supported")], [GapReason.UNCERTAIN]),
        ([issue("information", detail="59101")], [GapReason.UNCERTAIN]),
        ([issue(code="not-supported", expression=["http.category"])], [GapReason.UNCERTAIN]),
        ([issue(code="suppressed"), issue()], [GapReason.INCOMPLETE, GapReason.UNCERTAIN]),
    ],
)
def test_matches_beside_a_warning_are_used_with_the_gap_that_it_means(server, ehr, issues, expected):
    result = asked_for(server, ehr, page(condition("1"), outcome(*issues)))
    assert (ids(result), reasons(result), result.lack) == (["1"], expected, Lack.NOTHING)


def test_an_empty_answer_that_says_so_is_an_answer(server, ehr):
    result = asked_for(server, ehr, page(outcome(issue(detail="4101"))))
    assert (result.resources, result.gaps, result.lack) == ((), (), Lack.NOTHING)


def test_a_bare_message_that_nothing_was_found_is_an_empty_answer(server, ehr):
    result = asked_for(server, ehr, outcome(issue(detail="4101")))
    assert (result.resources, result.gaps, result.lack) == ((), (), Lack.NOTHING)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (outcome(issue("error", "processing")), GapReason.UNREADABLE),
        (outcome(issue("error", "forbidden")), GapReason.REFUSED),
        (outcome(), GapReason.UNREADABLE),
    ],
)
def test_any_other_message_in_place_of_an_answer_is_none(server, ehr, message, reason):
    result = asked_for(server, ehr, message)
    assert (result.resources, reasons(result), result.lack) == ((), [reason], Lack.LASTING)


def test_a_warning_on_a_later_page_counts_as_on_the_first(server, ehr):
    second = page(condition("2"), outcome(issue(code="suppressed")))
    result = asked_for(server, ehr, page(condition("1"), following="p2"), p2=second)
    assert (ids(result), reasons(result)) == (["1", "2"], [GapReason.INCOMPLETE])


def test_a_warning_that_names_the_patient_makes_it_another_question(server, ehr):
    warning = outcome(issue(code="not-supported", location=["/f:patient"]))
    result = asked_for(server, ehr, page(condition("1"), warning))
    assert (result.resources, reasons(result), result.lack) == ((), [GapReason.UNCERTAIN], Lack.LASTING)


def test_a_question_that_names_nobody_is_honoured_as_a_whole_or_not_at_all(server, ehr):
    orders = Search("ServiceRequest", (("code", "a|b"), ("_lastUpdated", "ge2024-03-05")))
    found = {"resourceType": "ServiceRequest", "id": "1"}
    told = "ServiceRequest?code=a%7Cb&_lastUpdated=ge2024-03-05"
    assert ids(asked_for(server, ehr, page(found, outcome(issue(detail="4119")), told=told), orders)) == ["1"]
    for first in (
        page(found, outcome(issue(code="not-supported")), told=told),
        page(found, told="ServiceRequest?code=a%7Cb"),
    ):
        result = asked_for(server, ehr, first, orders)
        assert (result.resources, result.lack) == ((), Lack.LASTING)


def test_a_batch_may_give_the_warning_beside_its_answer(server, ehr):
    server.tell("GET", "/metadata", statement(batch=True, Condition=("patient", "category")))

    def batch(resource, *issues):
        response = {"status": "200 OK", "outcome": outcome(*issues)}
        entry = {"response": response} | ({"resource": resource} if resource else {})
        bundle = {"resourceType": "Bundle", "type": "batch-response", "entry": [entry]}
        server.tell("POST", "/", fhir(bundle))
        [result] = ehr.batch([QUESTION])
        return ids(result), reasons(result)

    assert batch(page(condition("1")), issue(detail="4119")) == (["1"], [])
    assert batch(page(condition("1")), issue(code="suppressed")) == (["1"], [GapReason.INCOMPLETE])
    assert batch(page(condition("1")), issue("information")) == (["1"], [])
    assert batch(None, issue(detail="4101")) == ([], [])


# --- self links ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "told",
    [
        None,
        "",
        "http://[",
        "https://ehr.example.org/fhir/_snapshot?id=27e5683a&start=0&_count=20",
        "https://ehr.example.org/fhir?_getpages=a&_getpagesoffset=0&_count=20&_bundletype=searchset",
        "Condition",
        "Condition?_count=50",
        "https://ehr.example.org/fhir/Condition/_search",
    ],
)
def test_a_self_link_that_repeats_nothing_is_as_good_as_none(server, ehr, told):
    result = asked_for(server, ehr, page(condition("1"), told=told))
    assert (ids(result), reasons(result), result.lack) == (["1"], [GapReason.UNCERTAIN], Lack.NOTHING)


@pytest.mark.parametrize(
    "told",
    [
        "Condition?category=problem-list-item",
        "Condition?patient=8&category=problem-list-item",
        "Condition?patient=Patient/8",
        "Condition?subject=Patient/77&category=problem-list-item",
    ],
)
def test_a_self_link_without_the_patient_is_another_question(server, ehr, told):
    result = asked_for(server, ehr, page(condition("1"), told=told))
    assert (result.resources, reasons(result), result.lack) == ((), [GapReason.UNCERTAIN], Lack.LASTING)


@pytest.mark.parametrize(
    "told",
    ["Condition?patient=7", "Condition?patient=7&category=other", "Condition?subject=Patient/7&_count=9"],
)
def test_a_wider_answer_about_the_same_patient_is_used_with_a_gap(server, ehr, told):
    result = asked_for(server, ehr, page(condition("1"), told=told))
    assert (ids(result), reasons(result), result.lack) == (["1"], [GapReason.UNCERTAIN], Lack.NOTHING)


@pytest.mark.parametrize(
    "told",
    [
        "Condition?subject=Patient/7&category=problem-list-item",
        "https://ehr.example.org/r4/Condition?category=problem-list-item&patient=Patient%2F7&_count=10",
        "Condition?patient=https://ehr.example.org/r4/Patient/7&category=problem-list-item",
    ],
)
def test_the_question_in_other_words_leaves_no_doubt(server, ehr, told):
    assert reasons(asked_for(server, ehr, page(condition("1"), told=told))) == []


def test_where_the_answer_is_in_doubt_others_pages_are_not_read(server, ehr):
    first = page(condition("1"), condition("2", patient="8"), told="_snapshot?id=1", following="p2")
    result = asked_for(server, ehr, first, p2=page(condition("3")))
    assert server.count("GET", "/p2") == 0
    assert ids(result) == ["1"]
    assert {gap.detail for gap in result.gaps if "other patients" in gap.detail}


def test_where_it_is_in_doubt_what_is_about_nobody_stops_nothing(server, ehr):
    place = {"resourceType": "Location", "id": "ward"}
    first = page(condition("1"), place, told=None, following="p2")
    assert ids(asked_for(server, ehr, first, p2=page(condition("3")))) == ["1", "ward", "3"]


# --- pages --------------------------------------------------------------------------------------
def test_of_one_id_on_two_pages_the_later_stands(server, ehr):
    first = page(condition("1", code={"text": "old"}), condition("2"), following="p2")
    result = asked_for(server, ehr, first, p2=page(condition("1", code={"text": "new"})))
    assert {resource["id"]: resource.get("code") for resource in result.resources} == {
        "1": {"text": "new"},
        "2": None,
    }


def test_short_and_empty_pages_are_followed(server, ehr):
    result = asked_for(server, ehr, page(following="p2"), p2=page(following="p3"), p3=page(condition("1")))
    assert (ids(result), result.gaps) == (["1"], ())


@pytest.mark.parametrize("status", [400, 404, 410])
def test_a_page_whose_address_has_expired_has_the_search_begun_anew_once(server, ehr, status):
    expired = fhir(outcome(issue("fatal", detail="4113")), status)
    first = f"/{QUESTION.url}&_count=1000"
    server.tell(
        "GET", first, fhir(page(condition("1"), following="a2")), fhir(page(condition("1"), following="b2"))
    )
    server.tell("GET", "/a2", expired)
    server.tell("GET", "/b2", fhir(page(condition("2"))))
    [result] = ehr.batch([QUESTION])
    assert (ids(result), result.gaps) == (["1", "2"], ())
    server.tell("GET", "/b2", expired)
    [result] = ehr.batch([QUESTION])
    assert (ids(result), reasons(result), result.lack) == (["1"], [GapReason.INCOMPLETE], Lack.PASSING)


# --- one bad record -----------------------------------------------------------------------------
FATAL = outcome(issue("fatal", "required"))
PERHAPS = outcome(issue("error", "exception"))


class Records:
    """An EHR with conditions by category, of which those without an id make every search fail that finds them."""

    def __init__(self, server, failure, records):
        self.server, self.failure, self.records = server, failure, records
        server.decide = self.decide

    def decide(self, asked):
        address = urlsplit(asked.path)
        if address.path != "/Condition":
            return None
        wanted = dict(parse_qsl(address.query))
        found = [
            record
            for record in self.records
            if wanted.get("category") in {None, record["category"]}
            and wanted.get("clinical-status") in {None, record.get("clinicalStatus")}
        ]
        if any("id" not in record for record in found):
            return fhir(self.failure, 500)
        return fhir(page(*[condition(record["id"]) for record in found], told=asked.path[1:]))


@pytest.fixture
def conditions(server):
    server.tell(
        "GET", "/metadata", statement(Condition=("patient", "category", "clinical-status"), Goal=("patient",))
    )
    server.tell("GET", "/Goal?patient=7&_count=1000", fhir(page(told="Goal?patient=7")))
    good = [
        {"id": "d", "category": "encounter-diagnosis", "clinicalStatus": "active"},
        {"id": "p", "category": "problem-list-item", "clinicalStatus": "active"},
    ]
    return [*good, {"category": "problem-list-item", "clinicalStatus": "resolved"}]


OF_PATIENT = Search("Condition", (("patient", "7"),))
GOALS = Search("Goal", (("patient", "7"),))


def test_around_one_bad_record_all_others_are_read(server, ehr, conditions):
    Records(server, FATAL, conditions)
    [result] = ehr.batch([OF_PATIENT])
    assert (sorted(ids(result)), reasons(result), result.lack) == (
        ["d", "p"],
        [GapReason.INCOMPLETE],
        Lack.NOTHING,
    )
    assert server.count("GET", "/Condition") <= 33


def test_an_error_that_says_less_is_asked_in_parts_only_while_others_are_answered(server, ehr, conditions):
    Records(server, PERHAPS, conditions)
    result, _ = ehr.batch([OF_PATIENT, GOALS])
    assert (sorted(ids(result)), reasons(result)) == (["d", "p"], [GapReason.INCOMPLETE])
    with pytest.raises(EhrUnavailable):
        ehr.batch([OF_PATIENT])


@pytest.mark.usefixtures("conditions")
def test_a_server_that_is_down_is_not_asked_in_parts(server, ehr):
    server.tell(
        "GET",
        f"/{OF_PATIENT.url}&_count=1000",
        Told(503),
    )
    result, _ = ehr.batch([OF_PATIENT, GOALS])
    assert (result.lack, reasons(result)) == (Lack.PASSING, [GapReason.INCOMPLETE])
    assert server.count("GET", "/Condition") == 4


@pytest.mark.usefixtures("conditions")
def test_a_record_that_fails_every_part_leaves_the_error_it_was(server, ehr):
    server.decide = lambda asked: fhir(FATAL, 500) if asked.path.startswith("/Condition") else None
    [result] = ehr.batch([OF_PATIENT])
    assert (result.resources, reasons(result), result.lack) == ((), [GapReason.INCOMPLETE], Lack.PASSING)
    assert server.count("GET", "/Condition") <= 33


def test_a_fault_that_has_passed_leaves_no_gap(server, ehr, conditions):
    faults = [fhir(FATAL, 500)]
    whole = Records(server, FATAL, conditions[:2])

    def decide(asked):
        if faults and asked.path.startswith("/Condition"):
            return faults.pop()
        return whole.decide(asked)

    server.decide = decide
    [result] = ehr.batch([OF_PATIENT])
    assert (sorted(ids(result)), result.gaps) == (["d", "p"], ())


@pytest.mark.usefixtures("conditions")
def test_a_fault_over_one_record_is_not_repeated_and_does_not_count_as_silence(server, ehr):
    server.decide = lambda asked: fhir(FATAL, 500) if asked.path.startswith("/Condition") else None
    for _ in range(3):
        ehr.batch([OF_PATIENT])
    [goals] = ehr.batch([GOALS])
    assert goals.gaps == ()
    assert server.count("GET", f"/{OF_PATIENT.url}&_count") == 3


def test_in_a_batch_one_entry_that_fails_is_asked_for_in_parts(server, ehr, conditions):
    server.tell(
        "GET", "/metadata", statement(batch=True, Condition=("patient", "category"), Goal=("patient",))
    )
    records = Records(server, FATAL, conditions)

    def entry(told):
        body = orjson.loads(told.body)
        failed = told.status == 500
        return {"response": {"status": str(told.status), **({"outcome": body} if failed else {})}} | (
            {} if failed else {"resource": body}
        )

    def decide(asked):
        if asked.method != "POST":
            return records.decide(asked)
        urls = [part["request"]["url"] for part in orjson.loads(asked.body)["entry"]]
        answers = [records.decide(type(asked)("GET", f"/{url}", {}, b"", 0)) for url in urls]
        bundle = {"resourceType": "Bundle", "type": "batch-response", "entry": list(map(entry, answers))}
        return fhir(bundle)

    server.decide = decide
    [result] = ehr.batch([OF_PATIENT])
    assert (ids(result), reasons(result)) == (["d"], [GapReason.INCOMPLETE])
    assert server.count("POST") == 2
