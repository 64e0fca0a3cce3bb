import gzip
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from config.tenants import Auth, Tenant
from fhir_mappings.bundle import Search
from service.domain.record import GapReason
from service.ehr import answers
from service.ehr.client import Ehr
from service.errors import (
    EhrConflict,
    EhrNotFhir,
    EhrRefused,
    EhrRejected,
    EhrUnavailable,
    WriteUnknown,
)
from tests.unit.ehr.odd_server import OddServer, Told, fhir, odd_server, statement

PATIENT = {"resourceType": "Patient", "id": "7"}
SECRET = "Zelda-Testperson"
CONDITIONS = Search("Condition", (("patient", SECRET),))
QUERY = f"Condition?patient={SECRET}"


@pytest.fixture
def server() -> Iterator[OddServer]:
    with odd_server() as running:
        running.tell("GET", "/metadata", statement(Condition=("patient",)))
        yield running


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def ehr(server: OddServer, slept: list[float]) -> Iterator[Ehr]:
    auth = Auth(kind="bearer", secret="invented-token")
    tenant = Tenant(
        id="t", fhir_base_url=server.url, organization="Example", auth=auth, read_timeout_seconds=0.3
    )
    with Ehr(tenant, sleep=slept.append) as client:
        yield client


def page(*resources, told=f"{QUERY}&_count=1000", following=""):
    links = [{"relation": "self", "url": told}] if told else []
    links += [{"relation": "next", "url": following}] if following else []
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": links,
        "entry": [{"resource": one} for one in resources],
    }


def condition(number):
    return {"resourceType": "Condition", "id": number}


def outcome(severity, code="processing", text=SECRET):
    issue = {"severity": severity, "code": code, "diagnostics": text}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


# --- reading ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html><body>Please log in</body></html>", "HTML"),
        (b'{"resourceType": "Patient", "id"', "not whole JSON"),
        (b"[]", "not a FHIR resource"),
        (b'"Patient"', "not a FHIR resource"),
        (b"\xff\xfe", "not whole JSON"),
    ],
)
def test_what_is_not_fhir_is_refused_without_quoting_it(server, ehr, body, kind):
    server.tell("GET", "/Patient/7", Told(200, body))
    with pytest.raises(EhrNotFhir, match=kind):
        ehr.read("Patient/7")


@pytest.mark.parametrize("garbled", [b"<html>Please log in</html>", b'{"resourceType": "Patient", "id"'])
def test_a_page_or_a_torso_in_place_of_an_answer_is_asked_for_again(server, ehr, garbled):
    server.tell("GET", "/Patient/7", Told(200, garbled), fhir(PATIENT))
    assert ehr.read("Patient/7") == PATIENT


def test_an_empty_answer_to_a_read_is_not_fhir(server, ehr):
    server.tell("GET", "/Patient/7", Told(200))
    with pytest.raises(EhrNotFhir, match="empty"):
        ehr.read("Patient/7")


def test_an_answer_that_breaks_off_is_asked_for_again(server, ehr):
    broken = Told(200, b'{"resourceType": "Patient"', claim=500)
    server.tell("GET", "/Patient/7", broken, fhir(PATIENT))
    assert ehr.read("Patient/7") == PATIENT


def test_an_answer_that_is_too_large_is_not_read_to_its_end(server, ehr, monkeypatch):
    monkeypatch.setattr(answers, "MAX_BODY_BYTES", 100_000)
    bomb = gzip.compress(b" " * 10_000_000)
    server.tell("GET", "/Patient/7", Told(200, bomb, {"Content-Encoding": "gzip"}))
    with pytest.raises(EhrNotFhir, match="larger"):
        ehr.read("Patient/7")


def test_a_compressed_answer_is_read(server, ehr):
    told = fhir(PATIENT)
    server.tell("GET", "/Patient/7", Told(200, gzip.compress(told.body), {"Content-Encoding": "gzip"}))
    assert ehr.read("Patient/7") == PATIENT


def test_an_answer_compressed_wrongly_is_not_fhir(server, ehr):
    server.tell("GET", "/Patient/7", Told(200, b"no gzip", {"Content-Encoding": "gzip"}))
    with pytest.raises(EhrNotFhir, match="compressed"):
        ehr.read("Patient/7")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, EhrRejected),
        (401, EhrRefused),
        (403, EhrRefused),
        (404, EhrRefused),
        (405, EhrRefused),
        (409, EhrConflict),
        (410, EhrRefused),
        (412, EhrConflict),
        (413, EhrRejected),
        (422, EhrRejected),
        (429, EhrUnavailable),
        (500, EhrUnavailable),
        (502, EhrUnavailable),
        (503, EhrUnavailable),
        (504, EhrUnavailable),
    ],
)
def test_each_status_has_its_error_that_holds_no_phi(server, ehr, status, error):
    server.tell("GET", f"/Patient/{SECRET}", fhir(outcome("error", "business-rule"), status))
    with pytest.raises(error) as raised:
        ehr.read(f"Patient/{SECRET}")
    assert str(raised.value) == f"GET Patient: the EHR answered {status} (business-rule)."
    assert raised.value.__cause__ is None


def test_too_many_requests_waits_as_long_as_it_is_told(server, ehr, slept):
    server.tell("GET", "/Patient/7", Told(429, headers={"Retry-After": "3"}), fhir(PATIENT))
    assert ehr.read("Patient/7") == PATIENT
    assert slept == [3.0]


def test_a_retry_after_may_be_a_date(server, ehr, slept):
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=5), usegmt=True)
    server.tell("GET", "/Patient/7", Told(503, headers={"Retry-After": later}), fhir(PATIENT))
    ehr.read("Patient/7")
    assert slept == [pytest.approx(4.5, abs=0.6)]


def test_a_long_wait_is_left_to_the_queue(server, ehr, slept):
    server.tell("GET", "/Patient/7", Told(503, headers={"Retry-After": "120"}))
    with pytest.raises(EhrUnavailable) as raised:
        ehr.read("Patient/7")
    assert raised.value.retry_after == 120
    assert slept == []


def test_a_read_is_tried_four_times_with_growing_jitter(server, ehr, slept):
    server.tell("GET", "/Patient/7", Told(503))
    with pytest.raises(EhrUnavailable):
        ehr.read("Patient/7")
    assert server.count("GET", "/Patient/7") == 4
    assert all(0 <= wait <= limit for wait, limit in zip(slept, (0.5, 1, 2), strict=True))


def test_a_server_that_does_not_answer_in_time_is_unavailable(server, ehr):
    server.tell("GET", "/Patient/7", Told(wait=2))
    with pytest.raises(EhrUnavailable, match="does not answer"):
        ehr.read("Patient/7")


# --- origin -------------------------------------------------------------------------------------
def test_a_redirect_within_the_origin_is_followed(server, ehr):
    server.tell("GET", "/Patient/7", Told(302, headers={"Location": "/moved/Patient/7"}))
    server.tell("GET", "/moved/Patient/7", fhir(PATIENT))
    assert ehr.read("Patient/7") == PATIENT
    assert server.asked[-1].headers["Authorization"] == "Bearer invented-token"


def test_a_redirect_to_another_server_is_not_followed(server, ehr):
    with odd_server() as other:
        server.tell("GET", "/Patient/7", Told(302, headers={"Location": f"{other.url}/Patient/7"}))
        with pytest.raises(EhrNotFhir, match="another server"):
            ehr.read("Patient/7")
        assert other.asked == []


def test_redirects_in_a_circle_end(server, ehr):
    server.tell("GET", "/Patient/7", Told(302, headers={"Location": "/Patient/7"}))
    with pytest.raises(EhrRefused, match="circle"):
        ehr.read("Patient/7")


def test_a_write_is_never_redirected(server, ehr):
    server.tell("POST", "/Patient", Told(307, headers={"Location": "/elsewhere"}))
    with pytest.raises(EhrRefused):
        ehr.create(PATIENT)
    assert server.count("POST") == 1


def test_cookies_are_not_kept(server, ehr):
    server.tell("GET", "/Patient/7", fhir(PATIENT, Set_Cookie="session=1"))
    ehr.read("Patient/7")
    ehr.read("Patient/7")
    assert "Cookie" not in server.asked[-1].headers


def test_a_reference_that_names_the_server_in_full_becomes_relative(server, ehr):
    stay = {"resourceType": "Encounter", "id": "1", "subject": {"reference": f"{server.url}/Patient/7"}}
    server.tell("GET", "/Encounter/1", fhir(stay))
    assert ehr.read("Encounter/1")["subject"] == {"reference": "Patient/7"}


# --- searching ----------------------------------------------------------------------------------
def search(server, ehr, first, **pages):
    server.tell("GET", f"/{QUERY}&_count=1000", fhir(first))
    for path, content in pages.items():
        server.tell("GET", f"/{path}", fhir(content))
    [result] = ehr.batch([CONDITIONS])
    return result


def ids(result):
    return [one["id"] for one in result.resources]


def test_a_search_asks_for_strict_handling(server, ehr):
    search(server, ehr, page())
    assert server.asked[-1].headers["Prefer"] == "handling=strict"


def test_pages_are_followed_to_the_end(server, ehr):
    result = search(
        server,
        ehr,
        page(condition("1"), following=f"{server.url}/p2"),
        p2=page(condition("2"), following="p3"),
        p3=page(condition("3")),
    )
    assert ids(result) == ["1", "2", "3"]
    assert result.gaps == ()


def test_a_later_page_need_not_say_the_question_again(server, ehr):
    """HAPI's own addresses of its pages: they name an answer, not a question."""
    later = "p2?_getpages=a&_getpagesoffset=1"
    result = search(
        server,
        ehr,
        page(condition("1"), following=later),
        **{later: page(condition("2"), told=later)},
    )
    assert ids(result) == ["1", "2"]
    assert result.gaps == ()


def test_a_next_page_on_another_server_is_refused_and_what_was_read_is_kept(server, ehr):
    with odd_server() as other:
        result = search(server, ehr, page(condition("1"), following=f"{other.url}/p2"))
        assert other.asked == []
    assert ids(result) == ["1"]
    assert [gap.reason for gap in result.gaps] == [GapReason.INCOMPLETE]


def test_pages_in_a_circle_end_with_a_gap(server, ehr):
    result = search(
        server, ehr, page(condition("1"), following="p2"), p2=page(condition("2"), following="p2")
    )
    assert [gap.reason for gap in result.gaps] == [GapReason.INCOMPLETE]
    assert server.count("GET", "/p2") == 1


def test_endless_pages_end_with_a_gap(server, ehr):
    numbers = iter(range(1000))

    def endless(asked):
        return fhir(page(following=f"p{next(numbers)}")) if asked.path.startswith(("/p", "/Cond")) else None

    server.decide = endless
    [result] = ehr.batch([CONDITIONS])
    assert "more than 40 pages" in result.gaps[0].detail
    assert len(server.asked) == 41


def test_a_page_that_cannot_be_read_is_a_gap(server, ehr):
    result = search(server, ehr, page(condition("1"), following="p2"))
    assert ids(result) == ["1"]
    assert result.gaps[0].reason is GapReason.INCOMPLETE


def test_an_information_in_the_answer_is_fine(server, ehr):
    result = search(server, ehr, page(condition("1"), outcome("information")))
    assert (ids(result), result.gaps) == (["1"], ())


@pytest.mark.parametrize(
    "told",
    [
        f"https://elsewhere.example/r4/Condition?patient=Patient/{SECRET}",
        f"Condition?_count=50&patient={SECRET}&_offset=0",
        f"Condition?patient:Patient={SECRET}",
    ],
)
def test_the_question_in_other_words_is_the_same_question(server, ehr, told):
    assert ids(search(server, ehr, page(condition("1"), told=told))) == ["1"]


def test_an_answer_that_does_not_say_what_was_asked_is_used_with_a_gap(server, ehr):
    result = search(server, ehr, page(condition("1"), told=""))
    assert ids(result) == ["1"]
    assert [gap.reason for gap in result.gaps] == [GapReason.UNCERTAIN]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Told(403), GapReason.REFUSED),
        (Told(400), GapReason.REFUSED),
        (Told(200, b"<html>"), GapReason.UNREADABLE),
    ],
)
def test_a_failed_search_is_a_gap_without_query_values(server, ehr, answer, reason):
    server.tell("GET", f"/{QUERY}&_count=1000", answer)
    [result] = ehr.batch([CONDITIONS])
    assert [gap.reason for gap in result.gaps] == [reason]
    assert SECRET not in result.gaps[0].detail


def test_one_search_without_answer_is_a_gap_but_none_with_one_is_an_error(server, ehr):
    server.tell("GET", f"/{QUERY}&_count=1000", Told(503))
    server.tell("GET", "/Patient/7", fhir(PATIENT))
    patient, conditions = ehr.batch([Search("Patient", id="7"), CONDITIONS])
    assert patient.resources == (PATIENT,)
    assert conditions.gaps[0].reason is GapReason.INCOMPLETE
    with pytest.raises(EhrUnavailable):
        ehr.batch([CONDITIONS])


# --- batches ------------------------------------------------------------------------------------
def batch_of(*entries):
    return fhir({"resourceType": "Bundle", "type": "batch-response", "entry": list(entries)})


def done(resource, status="200 OK"):
    return {"resource": resource, "response": {"status": status}}


@pytest.fixture
def batching(server: OddServer) -> OddServer:
    server.tell("GET", "/metadata", statement(batch=True, Condition=("patient",)))
    return server


def test_a_batch_asks_everything_in_one_request(batching, ehr):
    batching.tell("POST", "/", batch_of(done(PATIENT), done(page(condition("1")))))
    patient, conditions = ehr.batch([Search("Patient", id="7"), CONDITIONS])
    assert (patient.resources, ids(conditions)) == ((PATIENT,), ["1"])
    assert len(batching.asked) == 2


def test_a_refused_entry_is_a_gap_and_the_others_stand(batching, ehr):
    refused = {"response": {"status": "403 Forbidden", "outcome": outcome("error", "forbidden")}}
    batching.tell("POST", "/", batch_of(done(PATIENT), refused))
    patient, conditions = ehr.batch([Search("Patient", id="7"), CONDITIONS])
    assert patient.gaps == ()
    assert conditions.gaps[0].detail == "GET Condition: the EHR answered 403 (forbidden)."


def test_the_further_pages_of_several_searches_are_asked_for_at_once(batching):
    both_asked = threading.Barrier(2)

    def decide(asked):
        if asked.path.startswith("/page/"):
            both_asked.wait(timeout=10)

    batching.decide = decide
    searches = [Search("Condition", (("patient", SECRET), ("category", name))) for name in ("one", "two")]
    firsts = [
        page(
            condition(f"{name}-1"),
            told=f"{QUERY}&category={name}",
            following=f"{batching.url}/page/{name}",
        )
        for name in ("one", "two")
    ]
    batching.tell("POST", "/", batch_of(*map(done, firsts)))
    for name in ("one", "two"):
        batching.tell("GET", f"/page/{name}", fhir(page(condition(f"{name}-2"))))
    with Ehr(Tenant(id="t", fhir_base_url=batching.url, organization="Example")) as unhurried:
        found = [ids(result) for result in unhurried.batch(searches)]
    assert found == [["one-1", "one-2"], ["two-1", "two-2"]]


@pytest.mark.parametrize(
    "answer", [Told(404), Told(400), batch_of(done(PATIENT)), Told(200, b"<html>")], ids=str
)
def test_a_server_that_promises_batches_and_does_not_keep_it_is_asked_singly(batching, ehr, answer):
    batching.tell("POST", "/", answer)
    batching.tell("GET", "/Patient/7", fhir(PATIENT))
    batching.tell("GET", f"/{QUERY}&_count=1000", fhir(page(condition("1"))))
    patient, conditions = ehr.batch([Search("Patient", id="7"), CONDITIONS])
    assert (patient.resources, ids(conditions)) == ((PATIENT,), ["1"])


def test_a_server_that_refused_a_bundle_is_not_asked_with_one_again(batching, ehr):
    batching.tell("POST", "/", Told(405))
    batching.tell("GET", "/Patient/7", fhir(PATIENT))
    for _ in range(2):
        ehr.batch([Search("Patient", id="7")])
    assert batching.count("POST") == 1


def test_a_server_that_says_transaction_is_asked_with_a_bundle_too(server, ehr):
    server.tell("GET", "/metadata", statement(transaction=True))
    server.tell("POST", "/", batch_of(done(PATIENT)))
    [result] = ehr.batch([Search("Patient", id="7")])
    assert result.resources == (PATIENT,)


def test_no_question_is_no_request(server, ehr):
    assert ehr.batch([]) == []
    assert server.asked == []


def test_metadata_is_read_once(server, ehr):
    ehr.capability()
    ehr.capability()
    assert server.count("GET", "/metadata") == 1


# --- writing ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "answer",
    [
        Told(wait=2),
        Told(drop=True),
        Told(504),
        Told(502),
        Told(200, b"<html>"),
        Told(201, b'{"resourceType"', claim=99),
    ],
    ids=["timeout", "connection lost", "gateway timeout", "bad gateway", "html", "truncated"],
)
def test_a_write_without_a_clear_answer_is_unknown_and_not_repeated(server, ehr, answer):
    server.tell("POST", "/Goal", answer)
    with pytest.raises(WriteUnknown):
        ehr.create({"resourceType": "Goal"})
    assert server.count("POST") == 1


def test_a_write_to_a_server_that_is_not_there_was_never_sent():
    tenant = Tenant(id="t", fhir_base_url="http://127.0.0.1:9", organization="Example")
    with Ehr(tenant) as ehr, pytest.raises(EhrUnavailable):
        ehr.create({"resourceType": "Goal"})


def test_a_transaction_that_is_confirmed_without_content_is_unknown(server, ehr):
    server.tell("POST", "/", Told(200))
    with pytest.raises(WriteUnknown):
        ehr.transaction({"resourceType": "Bundle"})


def test_a_create_takes_its_receipt_from_the_headers(server, ehr):
    headers = {"Location": f"{server.url}/Goal/9/_history/3", "ETag": 'W/"3"'}
    server.tell("POST", "/Goal", Told(201, headers=headers))
    written = ehr.create({"resourceType": "Goal"}, if_none_exist="identifier=a|b")
    assert (written.reference, written.etag) == ("Goal/9", 'W/"3"')
    assert server.asked[-1].headers["If-None-Exist"] == "identifier=a|b"


def test_a_create_takes_its_receipt_from_the_body_where_the_headers_are_silent(server, ehr):
    server.tell("POST", "/Goal", fhir({"resourceType": "Goal", "id": "9", "meta": {"versionId": "3"}}, 201))
    written = ehr.create({"resourceType": "Goal"})
    assert (written.reference, written.etag) == ("Goal/9", 'W/"3"')


def test_an_update_is_bound_to_the_version_that_was_read(server, ehr):
    server.tell("PUT", "/Goal/9", Told(412))
    with pytest.raises(EhrConflict):
        ehr.update({"resourceType": "Goal", "id": "9"}, etag='W/"3"')
    assert server.asked[-1].headers["If-Match"] == 'W/"3"'


def test_connections_are_used_again(server, ehr):
    server.tell("GET", "/Patient/7", fhir(PATIENT))
    for _ in range(3):
        ehr.read("Patient/7")
    assert len({one.connection for one in server.asked}) == 1


def test_a_closed_client_opens_a_new_connection(server, ehr):
    server.tell("GET", "/Patient/7", fhir(PATIENT))
    ehr.read("Patient/7")
    ehr.close()
    ehr.read("Patient/7")
    assert len({one.connection for one in server.asked}) == 2


def test_a_forked_worker_does_not_share_its_parents_connection(server, ehr, monkeypatch):
    server.tell("GET", "/Patient/7", fhir(PATIENT))
    ehr.read("Patient/7")
    monkeypatch.setattr("service.ehr.http.os.getpid", lambda: -1)
    ehr.read("Patient/7")
    assert len({one.connection for one in server.asked}) == 2


def test_no_more_requests_are_under_way_than_the_tenant_allows(server):
    tenant = Tenant(id="t", fhir_base_url=server.url, organization="Example", max_connections=2)
    under_way = []

    def slowly(asked):
        if asked.path.startswith("/Condition"):
            under_way.append(1)
            most.append(len(under_way))
            time.sleep(0.02)
            under_way.pop()
        return fhir(page(told=asked.path))

    most: list[int] = []
    with Ehr(tenant) as ehr:
        ehr.capability()
        server.decide = slowly
        ehr.batch([CONDITIONS] * 6)
    assert max(most) == 2
