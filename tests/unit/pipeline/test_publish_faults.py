"""Publishing to a server that fails in ways the sandbox does not."""

from collections.abc import Iterator
from datetime import UTC, datetime

import orjson
import pytest

from config.tenants import Tenant
from fhir_mappings.bundle import Search
from fhir_mappings.outbound.author import Author
from service.domain.absence import Conclusion, Shown
from service.domain.publication import Landing, Receipt, WriteState
from service.domain.write_reason import WriteReason
from service.ehr.client import Ehr
from service.errors import EhrRefused, EhrUnavailable, WriteUnknown
from service.pipeline.publishing.publish import Way, publish
from service.pipeline.publishing.settle import LOOKS_NOT_LET
from tests.builders import MemoryLedger, draft_of
from tests.ehr_fixtures import plan_for
from tests.unit.ehr.odd_server import OddServer, Told, fhir, odd_server, statement

PATIENT = "Patient/7"
GOAL, REFERRAL, CARE_PLAN, PROVENANCE = (
    f"{PATIENT} {name}" for name in ("goal", "referral", "care-plan", "provenance")
)
ALL_SEARCHES = {
    "Goal": ("identifier",),
    "ServiceRequest": ("identifier",),
    "CarePlan": ("identifier",),
    "Provenance": ("target",),
}


class Server:
    """Creates everything and finds nothing, but for what a test tells it otherwise."""

    def __init__(self, odd: OddServer) -> None:
        self.odd = odd
        self.offer()
        self.told: dict[tuple[str, str], Told] = {}
        self.kept: dict[str, dict[str, object]] = {}
        odd.decide = self._decide

    def offer(self, *, batch: bool = False, transaction: bool = False, **searches: tuple[str, ...]) -> None:
        told = statement(batch=batch, transaction=transaction, **(searches or ALL_SEARCHES))
        self.odd.tell("GET", "/metadata", told)

    def tell(self, method: str, kind: str, answer: Told) -> None:
        self.told[method, kind] = answer

    def _decide(self, asked):
        kind = asked.path.strip("/").partition("?")[0].partition("/")[0]
        if kind == "metadata":
            return None
        if told := self.told.get((asked.method, kind)):
            return told
        if asked.method == "POST":
            self.kept[kind] = orjson.loads(asked.body)
            return Told(201, headers={"Location": f"{self.odd.url}/{kind}/1/_history/1", "ETag": 'W/"1"'})
        if kind in self.kept and asked.path.endswith(f"{kind}/1"):
            return fhir({**self.kept[kind], "id": "1", "meta": {"versionId": "1"}})
        return fhir(searchset(asked.path))


def searchset(path, *resources):
    return {
        "resourceType": "Bundle",
        "link": [{"relation": "self", "url": path}],
        "entry": [{"resource": one} for one in resources],
    }


def found(draft, number="1", version="1", **more):
    """What a search for a draft finds, whatever is asked."""
    resource = {
        **draft.body,
        "id": number,
        "meta": {"versionId": version, **draft.body.get("meta", {})},
        **more,
    }
    return fhir({**searchset(""), "link": [], "entry": [{"resource": resource}]})


@pytest.fixture
def server() -> Iterator[Server]:
    with odd_server() as odd:
        yield Server(odd)


@pytest.fixture
def ehr(server: Server) -> Iterator[Ehr]:
    with Ehr(
        Tenant(id="t", fhir_base_url=server.odd.url, organization="Example"), sleep=lambda _: None
    ) as client:
        yield client


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger(*plan_for(PATIENT))


def concluding(ehr):
    """As after looks apart, at which the EHR was well."""
    author = Author("Homeward", ehr.tenant.organization)
    shown = {Shown.PRESENT: Conclusion.STANDS}
    at = datetime(2024, 3, 5, 12, 0, tzinfo=UTC)
    return Way(author=author, recorded=at, at=at, weigh=lambda look: shown.get(look.shown, Conclusion.GONE))


def states(ledger):
    return [row.state for row in ledger.entries()]


def test_what_depends_on_an_unknown_write_waits_and_the_rest_arrives(server, ehr, ledger):
    server.tell("POST", "Goal", Told(503))
    with pytest.raises(EhrUnavailable):
        publish(ledger, ehr)
    assert ledger.state(GOAL) is WriteState.SENDING
    assert ledger.state(REFERRAL) is WriteState.LANDED
    assert ledger.state(CARE_PLAN) is WriteState.WAITING
    assert "waits" in ledger.rows[CARE_PLAN].problem
    assert server.odd.count("POST", "/CarePlan") == 0


def test_a_create_that_does_not_say_where_is_unknown(server, ehr, ledger):
    server.tell("POST", "Goal", Told(201))
    with pytest.raises(WriteUnknown):
        publish(ledger, ehr)
    assert ledger.state(GOAL) is WriteState.SENDING


def test_where_the_search_by_identifier_is_listed_and_refused_the_patients_are_compared(server, ehr, ledger):
    server.offer(**{**ALL_SEARCHES, "Goal": ("identifier", "patient")})
    draft = ledger.rows[GOAL].draft
    ledger.sending([GOAL])
    asked: list[str] = []

    def goals(request):
        asked.append(request.path)
        told = searchset(request.path, {**draft.body, "id": "9", "meta": {"versionId": "1"}})
        return Told(400) if "identifier=" in request.path else fhir(told)

    decide = server.odd.decide
    server.odd.decide = lambda request: (
        goals(request) if (request.method, request.path[:5]) == ("GET", "/Goal") else decide(request)
    )
    publish(ledger, ehr)
    assert ["patient=7" in path for path in asked[:2]] == [False, True]
    assert ledger.rows[GOAL].reference == "Goal/9"
    assert server.odd.count("POST", "/Goal") == 0


def test_an_unknown_write_that_cannot_be_looked_for_now_is_not_sent_again(server, ehr, ledger):
    ledger.sending([GOAL])
    server.tell("GET", "Goal", Told(403))
    publish(ledger, ehr)
    # Once may be a gateway's mistake: what links to it waits.
    assert (ledger.state(GOAL), ledger.state(CARE_PLAN)) == (WriteState.SENDING, WriteState.WAITING)
    for _ in range(LOOKS_NOT_LET):
        publish(ledger, ehr)
    assert ledger.state(GOAL) is WriteState.UNKNOWN
    assert "does not let us look; a person must" in ledger.rows[GOAL].problem
    assert server.odd.count("POST", "/Goal") == 0
    # Nobody knows when a person will have looked, so the rest goes without a link to it.
    assert ledger.state(CARE_PLAN) is WriteState.LANDED


def test_an_unknown_write_that_cannot_be_looked_for_just_now_keeps_what_links_to_it_waiting(
    server, ehr, ledger
):
    ledger.sending([GOAL, REFERRAL])
    server.tell("GET", "Goal", Told(503))
    with pytest.raises(WriteUnknown):
        publish(ledger, ehr)
    assert ledger.state(GOAL) is WriteState.SENDING
    assert "did not answer when it was looked for" in ledger.rows[GOAL].problem
    assert ledger.state(REFERRAL) is WriteState.LANDED
    assert ledger.state(CARE_PLAN) is WriteState.WAITING
    assert server.odd.count("POST", "/Goal") == 0


def test_an_unknown_write_that_can_never_be_looked_for_is_a_persons(server, ehr, ledger):
    server.offer(**{**ALL_SEARCHES, "Goal": ("target-date",)})
    ledger.sending([GOAL])
    publish(ledger, ehr)
    assert ledger.state(GOAL) is WriteState.UNKNOWN
    assert "a person must" in ledger.rows[GOAL].problem
    assert server.odd.count("POST", "/Goal") == 0


def test_what_is_a_persons_is_settled_once_the_ehr_lets_us_look(server, ehr, ledger):
    ledger.mark(GOAL, WriteState.UNKNOWN, reason=WriteReason.CANNOT_LOOK)
    server.tell("GET", "Goal", found(ledger.rows[GOAL].draft))
    publish(ledger, ehr)
    assert (ledger.state(GOAL), ledger.rows[GOAL].problem) == (WriteState.LANDED, "")


def test_a_lost_create_whose_plan_has_changed_is_adopted_and_brought_up_to_date(server, ehr):
    old, *_ = plan_for(PATIENT, goal="Eats")
    new, *_ = plan_for(PATIENT)
    ledger = MemoryLedger(old)
    ledger.sending([GOAL])
    ledger.want([new])
    server.tell("GET", "Goal", found(old))
    server.tell("PUT", "Goal", Told(200, headers={"ETag": 'W/"2"'}))
    publish(ledger, ehr)
    row = ledger.rows[GOAL]
    assert (row.state, row.reference, row.etag) == (WriteState.LANDED, "Goal/1", 'W/"2"')
    assert server.odd.count("POST") == 0


def test_a_lost_create_that_a_person_has_changed_since_is_theirs(server, ehr):
    [draft, *_] = plan_for(PATIENT)
    ledger = MemoryLedger(draft)
    ledger.sending([GOAL])
    server.tell("GET", "Goal", found(draft, version="2", description={"text": "Eats with friends"}))
    publish(ledger, ehr)
    assert ledger.state(GOAL) is WriteState.THEIRS
    assert server.odd.count("PUT") == 0


@pytest.mark.parametrize(
    ("version", "more", "state"),
    [
        ("2", {"expressedBy": {"display": "Zelda"}}, WriteState.LANDED),
        ("2", {"target": [{"dueDate": "2024-04-01"}]}, WriteState.LANDED),
        ("", {"expressedBy": {"display": "Zelda"}}, WriteState.LANDED),
        ("", {"target": [{"dueDate": "2024-04-01"}]}, WriteState.LANDED),
        ("2", {"startDate": "2024-04-01", "description": {"text": "Hers"}}, WriteState.THEIRS),
    ],
    ids=["added", "would go", "added, no versions", "would go, no versions", "ours changed"],
)
def test_what_others_added_does_not_freeze_ours_and_is_never_taken_away(server, ehr, version, more, state):
    [draft, *_] = plan_for(PATIENT)
    ledger = MemoryLedger(draft)
    ledger.written([Receipt(GOAL, "Goal/1", 'W/"1"' if version else "")])
    ledger.want(plan_for(PATIENT, goal="Eats twice a day")[:1])
    current = {**draft.body, **more, "id": "1", **({"meta": {"versionId": version}} if version else {})}
    server.tell("GET", "Goal", fhir(current))
    server.tell("PUT", "Goal", Told(200, headers={"ETag": 'W/"3"'}))
    publish(ledger, ehr)
    assert ledger.state(GOAL) is state
    put = [orjson.loads(request.body) for request in server.odd.asked if request.method == "PUT"]
    assert [{name: body[name] for name in more} for body in put] == [more] * len(put)
    assert put or state is WriteState.THEIRS


def test_a_search_that_answers_with_something_else_finds_nothing(server, ehr):
    [draft, *_] = plan_for(PATIENT)
    ledger = MemoryLedger(draft)
    ledger.sending([GOAL])
    server.tell("GET", "Goal", found(draft_of("another", {"resourceType": "Goal"})))
    for _ in range(LOOKS_NOT_LET + 1):
        publish(ledger, ehr)
    # The server did not say what it searched for, so nothing is known, and nothing is sent.
    assert ledger.state(GOAL) is WriteState.UNKNOWN
    assert server.odd.count("POST") == 0


def test_a_provenance_is_found_by_what_it_speaks_of(server, ehr, ledger):
    publish(ledger, ehr)
    ledger.sending([PROVENANCE])
    ledger.rows[PROVENANCE] = MemoryLedger(ledger.rows[PROVENANCE].draft).rows[PROVENANCE]
    ledger.sending([PROVENANCE])
    server.tell("GET", "Provenance", found(ledger.rows[PROVENANCE].draft, "5"))
    publish(ledger, ehr)
    assert ledger.rows[PROVENANCE].reference == "Provenance/5"
    assert any(one.path.startswith("/Provenance?target=CarePlan%2F1") for one in server.odd.asked)


def test_a_provenance_of_nothing_is_not_written(server, ehr, ledger):
    server.offer(Provenance=("target",))
    publish(ledger, ehr)
    assert set(states(ledger)) == {WriteState.IMPOSSIBLE}
    assert "Nothing that this speaks of" in ledger.rows[PROVENANCE].problem
    assert server.odd.count("POST") == 0


def test_an_ehr_that_takes_no_updates_says_so(server, ehr):
    [draft, *_] = plan_for(PATIENT)
    ledger = MemoryLedger(draft)
    publish(ledger, ehr)
    ledger.want(plan_for(PATIENT, goal="Eats twice a day")[:1])
    server.odd.tell("GET", "/metadata", fhir({"resourceType": "CapabilityStatement"}))
    server.tell("GET", "Goal", fhir({**draft.body, "id": "1", "meta": {"versionId": "1"}}))
    with Ehr(ehr.tenant) as fresh:
        publish(ledger, fresh)
    assert ledger.rows[GOAL].problem == "The EHR does not let us change a Goal; it stands as first written."


def test_what_cannot_be_read_is_not_overwritten(server, ehr):
    [draft, *_] = plan_for(PATIENT)
    ledger = MemoryLedger(draft)
    publish(ledger, ehr)
    ledger.want(plan_for(PATIENT, goal="Eats twice a day")[:1])
    server.tell("GET", "Goal", Told(403))
    publish(ledger, ehr)
    assert ledger.state(GOAL) is WriteState.WAITING
    assert "read this before" in ledger.rows[GOAL].problem
    assert server.odd.count("PUT") == 0


def test_two_conflicts_in_a_row_wait_for_the_next_run(server, ehr):
    [draft, *_] = plan_for(PATIENT)
    ledger = MemoryLedger(draft)
    server.tell("POST", "Goal", Told(412))
    publish(ledger, ehr)
    assert (ledger.state(GOAL), ledger.rows[GOAL].attempts) == (WriteState.WAITING, 1)
    assert ledger.rows[GOAL].reason is WriteReason.CHANGED_MEANWHILE
    assert server.odd.count("POST", "/Goal") == 2


# --- transactions and batches -------------------------------------------------------------------
def test_a_credential_that_is_refused_stops_the_whole(server, ehr, ledger):
    server.offer(transaction=True, **ALL_SEARCHES)
    server.tell("POST", "", Told(401))
    with pytest.raises(EhrRefused):
        publish(ledger, ehr)
    assert set(states(ledger)) == {WriteState.WAITING}
    assert server.odd.count("POST") == 1


def test_a_transaction_answer_of_the_wrong_length_is_unknown(server, ehr, ledger):
    server.offer(transaction=True, **ALL_SEARCHES)
    server.tell("POST", "", fhir({"resourceType": "Bundle", "entry": []}))
    with pytest.raises(WriteUnknown):
        publish(ledger, ehr)
    assert set(states(ledger)) == {WriteState.SENDING}


def test_an_entry_without_a_place_is_unknown_and_the_others_have_their_receipts(server, ehr, ledger):
    server.offer(transaction=True, **ALL_SEARCHES)
    kinds = ("ServiceRequest", "CarePlan", "Provenance")
    entries = [{"response": {"status": "201", "location": f"{kind}/1/_history/1"}} for kind in kinds]
    unclear = {"response": {"status": "201 Created"}}
    server.tell("POST", "", fhir({"resourceType": "Bundle", "entry": [unclear, *entries]}))
    with pytest.raises(WriteUnknown):
        publish(ledger, ehr)
    assert states(ledger) == [WriteState.SENDING, WriteState.LANDED, WriteState.LANDED, WriteState.LANDED]
    assert ledger.rows[CARE_PLAN].reference == "CarePlan/1"


def test_a_batch_entry_that_is_refused_says_why_and_where_without_a_word_of_the_record(server, ehr):
    server.offer(batch=True, **ALL_SEARCHES)
    [draft, *_] = plan_for(PATIENT)
    ledger = MemoryLedger(draft)
    issue = {
        "code": "required",
        "diagnostics": "Zelda Testperson lacks something",
        "expression": ["Goal.target[0].measure"],
    }
    refused = {
        "status": "422 Unprocessable",
        "outcome": {"resourceType": "OperationOutcome", "issue": [issue]},
    }
    server.tell("POST", "", fhir({"resourceType": "Bundle", "entry": [{"response": refused}]}))
    publish(ledger, ehr)
    assert ledger.state(GOAL) is WriteState.WAITING  # once may be a gateway's mistake
    publish(ledger, ehr)
    assert ledger.state(GOAL) is WriteState.REFUSED
    assert (
        ledger.rows[GOAL].problem == "The EHR did not accept this. "
        "Writing Goal: the EHR answered 422 (required at Goal.target[0].measure)."
    )
    publish(ledger, ehr)
    assert server.odd.count("POST") == 2  # the same words are not sent again the same day


def test_a_batch_without_answer_is_unknown_as_a_whole(server, ehr, ledger):
    server.offer(batch=True, **ALL_SEARCHES)
    server.tell("POST", "", Told(drop=True))
    with pytest.raises(WriteUnknown):
        publish(ledger, ehr)
    assert ledger.state(GOAL) is ledger.state(REFERRAL) is WriteState.SENDING
    assert ledger.state(CARE_PLAN) is WriteState.WAITING


# --- what is too large, contradicts /metadata, or goes one rung down --------------------------------
class Batches:
    """Takes batches of at most `most` entries; refuses each entry of a type in `refused` with its status."""

    def __init__(self, server, most=100, refused=(), status="405 Method Not Allowed"):
        self.most, self.refused, self.status = most, refused, status
        self.sizes = []
        self.number = 0
        self.others = server.odd.decide
        server.odd.decide = self.decide

    def decide(self, asked):
        bundle = orjson.loads(asked.body) if asked.method == "POST" and asked.path == "/" else {}
        entries = bundle.get("entry", [])
        if not entries or entries[0]["request"]["method"] == "GET":
            return self.others(asked)
        self.sizes.append(len(entries))
        if len(entries) > self.most:
            return Told(413)
        return fhir({"resourceType": "Bundle", "entry": [self.answer(entry) for entry in entries]})

    def answer(self, entry):
        kind = entry["resource"]["resourceType"]
        if kind in self.refused:
            return {"response": {"status": self.status}}
        self.number += 1
        return {"response": {"status": "201", "location": f"{kind}/{self.number}/_history/1"}}


def goals(number):
    return [
        draft_of(f"goal {n}", {"resourceType": "Goal", "description": {"text": f"{n}"}})
        for n in range(number)
    ]


def test_a_batch_that_is_too_large_goes_in_halves(server, ehr):
    server.offer(batch=True, **ALL_SEARCHES)
    batches = Batches(server, most=2)
    ledger = MemoryLedger(*goals(5))
    publish(ledger, ehr)
    assert set(states(ledger)) == {WriteState.LANDED}
    assert batches.sizes == [5, 2, 3, 1, 2]


def test_a_transaction_that_is_too_large_goes_in_waves(server, ehr, ledger):
    server.offer(batch=True, transaction=True, **ALL_SEARCHES)
    batches = Batches(server, most=2)
    publish(ledger, ehr)
    assert set(states(ledger)) == {WriteState.LANDED}
    assert batches.sizes == [4, 2, 1, 1]


def test_one_resource_that_is_too_large_is_refused(server, ehr):
    server.offer(batch=True, **ALL_SEARCHES)
    Batches(server, most=0)
    ledger = MemoryLedger(*goals(2))
    publish(ledger, ehr)
    publish(ledger, ehr)
    assert set(states(ledger)) == {WriteState.REFUSED}
    assert "413" in ledger.entries()[0].problem


def test_a_server_that_only_reads_in_batches_gets_its_writes_one_by_one_from_then_on(server, ehr):
    server.offer(batch=True, **ALL_SEARCHES)
    batches = Batches(server, refused=("Goal",))
    for _ in range(2):
        ledger = MemoryLedger(*goals(3))
        publish(ledger, ehr)
        assert set(states(ledger)) == {WriteState.LANDED}
    assert batches.sizes == [3]
    assert server.odd.count("POST", "/Goal") == 6


@pytest.mark.parametrize("status", [400, 422])
def test_a_batch_that_is_refused_as_a_whole_says_nothing_of_the_resources_in_it(server, ehr, status):
    server.offer(batch=True, **ALL_SEARCHES)
    batches: list[int] = []
    decide = server.odd.decide

    def refusing(asked):
        if asked.method != "POST" or asked.path.strip("/"):
            return decide(asked)
        bundle = orjson.loads(asked.body)
        if bundle["entry"][0]["request"]["method"] == "GET":
            entries = [{"resource": searchset(one["request"]["url"])} for one in bundle["entry"]]
            return fhir({"resourceType": "Bundle", "type": "batch-response", "entry": entries})
        batches.append(len(bundle["entry"]))
        return Told(status)

    server.odd.decide = refusing
    for _ in range(2):
        ledger = MemoryLedger(*goals(3))
        publish(ledger, ehr)
        assert set(states(ledger)) == {WriteState.LANDED}
    assert batches == [3]


def test_a_refusal_that_contradicts_metadata_has_it_read_again_but_not_each_time(server, ehr):
    server.tell("POST", "Goal", Told(405))
    for _ in range(3):
        publish(MemoryLedger(*goals(2)), ehr)
    assert server.odd.count("GET", "/metadata") == 2


@pytest.mark.parametrize(("status", "readings"), [(405, 2), (400, 2), (403, 1), (503, 1)])
def test_a_search_that_metadata_lists_and_the_ehr_does_not_know_has_it_read_again(
    server, ehr, status, readings
):
    server.tell("GET", "Goal", Told(status, headers={"Retry-After": "99"}))
    for _ in range(3):
        [result, other] = ehr.batch(
            [Search("Goal", (("identifier", "x"),)), Search("CarePlan", (("identifier", "x"),))]
        )
        assert result.gaps
        assert not other.gaps
        ehr.capability()
    assert server.odd.count("GET", "/metadata") == readings


def test_an_entry_of_a_batch_that_is_not_allowed_has_metadata_read_again(server, ehr):
    server.offer(batch=True, **ALL_SEARCHES)
    told = [
        {"response": {"status": "201 Created", "location": "Goal/1", "etag": 'W/"1"'}},
        {"response": {"status": "403 Forbidden"}},
    ]

    def answered(asked):
        bundle = orjson.loads(asked.body)
        entries = bundle["entry"]
        if entries[0]["request"]["method"] == "GET":
            found = [
                {"resource": searchset(one["request"]["url"]), "response": {"status": "200"}}
                for one in entries
            ]
            return fhir({"resourceType": "Bundle", "type": "batch-response", "entry": found})
        return fhir({"resourceType": "Bundle", "type": "batch-response", "entry": told[: len(entries)]})

    decide = server.odd.decide
    server.odd.decide = lambda asked: (
        answered(asked) if asked.method == "POST" and asked.path.strip("/") == "" else decide(asked)
    )
    ledger = MemoryLedger(*goals(2))
    publish(ledger, ehr)
    assert {row.state for row in ledger.entries()} == {WriteState.LANDED, WriteState.WAITING}
    assert server.odd.count("GET", "/metadata") == 2


def lower():
    about = {"subject": {"reference": PATIENT}}
    document = draft_of("plan-document", {"resourceType": "DocumentReference", "status": "current", **about})
    message = draft_of("plan-message", {"resourceType": "Communication", "status": "completed", **about})
    return [document, message]


LOWER_TOO = {**ALL_SEARCHES, "DocumentReference": ("identifier",), "Communication": ("identifier",)}


def test_what_is_refused_stands_one_rung_down_and_says_why(server, ehr, ledger):
    server.offer(**LOWER_TOO)
    server.tell("POST", "CarePlan", Told(422))
    publish(ledger, ehr, lower)
    assert "plan-document" not in ledger.rows
    publish(ledger, ehr, lower)
    assert ledger.state(CARE_PLAN) is WriteState.REFUSED
    assert ledger.rows[CARE_PLAN].rung is Landing.DOCUMENT
    assert ledger.rows[CARE_PLAN].reason is WriteReason.REJECTED
    assert "422" in ledger.rows[CARE_PLAN].why_there
    assert ledger.state("plan-document") is WriteState.LANDED
    assert "plan-message" not in ledger.rows


def test_a_refused_document_goes_further_down(server, ehr, ledger):
    server.offer(**LOWER_TOO)
    server.tell("POST", "CarePlan", Told(422))
    server.tell("POST", "DocumentReference", Told(413))
    for _ in range(3):
        publish(ledger, ehr, lower)
    assert ledger.rows[CARE_PLAN].rung is Landing.MESSAGE
    assert ledger.state("plan-message") is WriteState.LANDED


def test_a_credential_refused_for_one_resource_stops_the_whole_and_lands_nothing(server, ehr, ledger):
    server.offer(**LOWER_TOO)
    server.tell("POST", "CarePlan", Told(401))
    with pytest.raises(EhrRefused):
        publish(ledger, ehr, lower)
    assert "plan-document" not in ledger.rows


def test_what_a_person_removed_is_not_written_again(server, ehr):
    [draft, *_] = plan_for(PATIENT)
    ledger = MemoryLedger(draft)
    publish(ledger, ehr)
    server.tell("GET", "Goal", Told(410))
    ledger.want(plan_for(PATIENT, goal="Eats twice a day")[:1])
    publish(ledger, ehr)
    assert (ledger.state(GOAL), ledger.rows[GOAL].reason) == (WriteState.WAITING, WriteReason.ABSENT_ONCE)
    publish(ledger, ehr, way=concluding(ehr))
    assert ledger.state(GOAL) is WriteState.THEIRS
    assert "removed this" in ledger.rows[GOAL].problem
    assert server.odd.count("PUT") == 0
    assert server.odd.count("POST") == 1


def test_an_update_that_arrived_without_an_answer_is_ours_though_a_link_of_it_had_to_be_left_out(
    server, ehr, ledger
):
    server.offer(**{kind: names for kind, names in ALL_SEARCHES.items() if kind != "Goal"})
    publish(ledger, ehr)
    [row] = [row for row in ledger.entries() if row.draft.key == CARE_PLAN]
    ledger.sending([CARE_PLAN])
    sent = {name: part for name, part in row.draft.body.items() if name != "goal"}
    links = {"activity": [{"reference": {"reference": "ServiceRequest/1"}}]}
    arrived = draft_of(CARE_PLAN, {**sent, **links})
    server.tell("GET", "CarePlan", fhir({**arrived.body, "id": "1", "meta": {"versionId": "2"}}))
    publish(ledger, ehr)
    assert ledger.state(CARE_PLAN) is WriteState.LANDED
    assert ledger.rows[CARE_PLAN].etag == 'W/"2"'
    assert server.odd.count("PUT") == 0
