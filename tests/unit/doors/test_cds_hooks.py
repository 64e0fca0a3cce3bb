"""What a clinician is told: at once, from what is known, and never nothing because of a fault of ours."""

import json
import re
import threading
import time
from dataclasses import replace
from functools import partial
from io import BytesIO
from urllib.parse import parse_qsl

import pytest

from config.launch import Launch
from fhir_mappings.inbound.record import build_record
from fhir_mappings.prefetch import FULL, SHORT, context_fields
from service.domain.discharge import Action, DischargeState, Trigger
from service.domain.hook_shape import AS_SPECIFIED, HookShape, OrderCodes
from service.domain.preference_list import ListedOrder
from service.domain.publication import LedgerEntry, WriteState
from service.doors import cds_hooks
from service.ehr.borrowed import BorrowedEhr
from service.ehr.capability import Capability
from service.ehr.client import Ehr
from service.errors import EhrUnavailable, NotAnInpatientStay
from service.pipeline import consult, consulted_record
from tests import builders
from tests.hooks import searchset
from tests.unit.doors.hooked import ORDER, RESOURCES, STAY, call, context, prefetch, signing, without

PLAN = Trigger("demo", STAY, Action.PLAN, "cds-hooks")


@pytest.fixture
def door(client, doubles, monkeypatch):
    """The hook door of the demo; planning is only remembered, and the EHR must not be read."""
    monkeypatch.setattr(consult, "intake", lambda trigger, _deps: doubles.take_in(trigger))
    monkeypatch.setattr(consulted_record, "gather", _must_not_be_read)
    doubles.ehrs["demo"] = None
    assert doubles.content()  # read before a caller waits, as a web process does
    monkeypatch.setattr(cds_hooks, "ANSWER_SECONDS", 20)  # a busy machine is not what these are about
    return client


@pytest.fixture
def stalled():
    """Something that does not come to its end while the test runs."""
    end = threading.Event()
    yield lambda *_args, **_more: end.wait(30)
    end.set()


def _must_not_be_read(*_args, **_more):
    raise AssertionError("the EHR was read")


def ask(door, body=None, service="encounter-discharge"):
    return door.post(f"/cds-services/{service}", json=call() if body is None else body)


def titles(answer):
    return [card["summary"] for card in answer.json["cards"]]


# --- discovery ----------------------------------------------------------------------------------
def test_discovery_describes_all_services(door):
    services = door.get("/cds-services").json["services"]
    assert [service["hook"] for service in services] == ["encounter-discharge", "order-sign", "patient-view"]
    assert all(service["id"] == service["hook"] for service in services)


@pytest.mark.parametrize("template", [*FULL.values(), *SHORT.values()])
def test_every_template_keeps_to_the_recommended_subset(template):
    assert set(context_fields(template)) in ({"context.patientId"}, {"context.encounterId"})
    if "?" not in template:
        assert re.fullmatch(r"(Patient|Encounter)/\{\{context\.\w+\}\}", template)
        return
    names = [name for name, _ in parse_qsl(template.partition("?")[2])]
    assert names[0] == "patient"
    assert set(names) <= {"patient", "category", "type", "_sort", "_count"}


@pytest.mark.parametrize("launch", [None, Launch(client_id="homeward-page")])
def test_a_card_leads_to_the_launch_where_the_ehr_knows_our_page(door, doubles, launch):
    doubles.tenants = {"demo": replace(doubles.tenants["demo"], launch=launch)}
    [card, *_] = ask(door).json["cards"]
    [made] = doubles.store.known.values()
    links = {link["type"]: link for link in card["links"]}
    assert links["absolute"]["url"] == f"http://127.0.0.1:8000/discharges/{made.id}"
    assert ("smart" in links) is (launch is not None)
    if launch:
        assert links["smart"]["url"] == "http://127.0.0.1:8000/launch"
        assert links["smart"]["appContext"] == f'{{"discharge":"{made.id}"}}'


# --- the three answers --------------------------------------------------------------------------
def test_without_a_plan_the_prefetch_is_assessed_and_the_plan_is_on_its_way(door, doubles):
    answer = ask(door)
    assert answer.status_code == 200
    assert "Food insecurity" in answer.json["cards"][0]["detail"]
    assert "being prepared" in answer.json["cards"][0]["detail"]
    assert doubles.triggers == [PLAN]


@pytest.mark.parametrize("service", ["encounter-discharge", "order-sign"])
def test_a_ward_that_is_named_means_the_stay_around_it(door, doubles, service):
    ward = builders.encounter(partOf={"reference": "Encounter/whole"})
    sent = prefetch(encounter=ward, encounters=searchset([builders.encounter("whole"), ward]))
    body = signing(prefetch=sent) if service == "order-sign" else call(prefetch=sent)
    assert "Food insecurity" in ask(door, body, service).json["cards"][0]["detail"]
    whole = (
        "Encounter/whole" if service == "encounter-discharge" else STAY
    )  # order-sign asks for no other stays
    assert doubles.triggers == [replace(PLAN, encounter=whole)]


def test_asking_again_while_it_is_planned_starts_nothing(door, doubles):
    ask(door)
    ask(door)
    assert doubles.triggers == [PLAN]


def test_a_finished_plan_is_shown_as_it_stands(door, doubles, plan):
    made = doubles.keep(state=DischargeState.PUBLISHED)
    doubles.store.planned[made.id] = plan
    answer = ask(door, call(prefetch={}))
    assert answer.status_code == 200
    assert "housing" not in titles(answer)[0]
    assert "Is your home safe to return to?" in answer.json["cards"][0]["detail"]
    assert answer.json["cards"][0]["links"][0]["url"].endswith(f"/discharges/{made.id}")
    assert doubles.triggers == []


class Stated:
    """An EHR of which only /metadata is asked."""

    def __init__(self, hooks=AS_SPECIFIED, *, is_away=False):
        self.hooks, self.is_away = hooks, is_away

    def capability(self):
        if self.is_away:
            raise EhrUnavailable("GET metadata: away")
        return Capability(hooks=self.hooks)


BY_KEY = HookShape(order_codes=OrderCodes.PREFERENCE_LIST, order_system="urn:example:list")
LISTED = {"food-pantry": ListedOrder("4711")}


@pytest.mark.parametrize(
    "case",
    [
        (Stated(), {}, [None]),
        (Stated(), LISTED, [None]),
        (Stated(BY_KEY), LISTED, ["4711"]),
        (Stated(BY_KEY), {}, []),
        (Stated(BY_KEY), {"wic": ListedOrder("1")}, []),
        (Stated(BY_KEY, is_away=True), LISTED, []),
    ],
)
def test_a_suggestion_has_the_shape_that_the_ehr_takes_or_there_is_none(
    door, doubles, plan, monkeypatch, case
):
    ehr, table, codes = case
    shape = {
        "resourceType": "ServiceRequest",
        "subject": {"reference": "Patient/p1"},
        "code": {"text": "Pantry"},
    }
    order = builders.draft_of("referral:food-pantry", shape)
    made = doubles.keep(state=DischargeState.PUBLISHED)
    doubles.store.planned[made.id] = plan
    doubles.store.written[made.id] = (LedgerEntry(order, WriteState.IMPOSSIBLE, order.digest),)
    doubles.ehrs["demo"] = ehr
    doubles.tenants = {"demo": replace(doubles.tenants["demo"], preference_list=table)}
    looked_for = []
    monkeypatch.setattr(
        consult.Consultation, "_look_for_orders", lambda _self, found: looked_for.append(found.id)
    )
    suggestions = [one for card in ask(door).json["cards"] for one in card.get("suggestions", [])]
    resources = [one["actions"][0]["resource"] for one in suggestions]
    assert [one["code"].get("coding", [{}])[0].get("code") for one in resources] == codes
    assert looked_for == ([made.id] if codes == ["4711"] else [])


TRIGGER = "com.epic.cdshooks.request.bpa-trigger-action"


def view(trigger=None, **more):
    return call(hook="patient-view", extension=trigger and {TRIGGER: trigger}, **more)


@pytest.mark.parametrize("trigger", [27, "27"])
def test_a_view_with_the_trigger_of_a_discharge_is_one(door, doubles, trigger):
    answer = ask(door, view(trigger), "patient-view")
    assert answer.status_code == 200
    assert "Food insecurity" in answer.json["cards"][0]["detail"]
    assert doubles.triggers == [PLAN]


@pytest.mark.parametrize("trigger", [None, 18, "23", 26, 29, 60])
def test_a_plain_view_plans_nothing_and_shows_the_plan_there_is(door, doubles, plan, trigger):
    assert ask(door, view(trigger), "patient-view").json == {"cards": []}
    made = doubles.keep(state=DischargeState.PUBLISHED)
    doubles.store.planned[made.id] = plan
    assert titles(ask(door, view(trigger), "patient-view"))
    assert doubles.triggers == []


def test_a_discharge_without_its_stay_is_that_of_the_one_stay_that_goes_on(door, doubles):
    over = builders.encounter("e0", status="finished")
    sent = prefetch(encounter=None, encounters=searchset([over, builders.encounter()]))
    ask(door, view(27, context=context(encounterId=None), prefetch=sent), "patient-view")
    assert doubles.triggers == [PLAN]


@pytest.mark.parametrize("stays", [[], [builders.encounter("e1"), builders.encounter("e2")]])
def test_a_discharge_of_which_nobody_can_tell_the_stay_says_what_to_send(door, doubles, stays):
    sent = prefetch(encounter=None, encounters=searchset(stays))
    answer = ask(door, view(27, context=context(encounterId=None), prefetch=sent), "patient-view")
    assert answer.status_code == 412
    assert "context.encounterId" in answer.json["detail"]
    plain = ask(door, view(60, context=context(encounterId=None), prefetch=sent), "patient-view")
    assert plain.json == {"cards": []}
    assert doubles.triggers == []


def test_a_searchset_in_place_of_a_read_is_its_one_match(door):
    whole = {
        key: searchset([value])
        for key, value in call()["prefetch"].items()
        if key in {"patient", "encounter"}
    }
    assert "Food insecurity" in ask(door, call(prefetch=prefetch(**whole))).json["cards"][0]["detail"]
    several = searchset([builders.patient(), builders.patient("p2")])
    assert ask(door, call(prefetch=prefetch(patient=several))).status_code == 400


def test_a_plan_that_is_made_anew_is_shown_with_a_word(door, doubles, plan):
    made = doubles.keep(state=DischargeState.RECEIVED)
    doubles.store.planned[made.id] = plan
    assert "newer plan" in ask(door).json["cards"][0]["detail"]


@pytest.mark.parametrize(
    ("state", "word"),
    [(DischargeState.CANCELLED, "called off"), (DischargeState.FAILED, "waits for a person")],
)
def test_a_discharge_that_stopped_is_told_with_what_the_record_says_now(door, doubles, plan, state, word):
    made = doubles.keep(state=state)
    doubles.store.planned[made.id] = plan
    detail = ask(door).json["cards"][0]["detail"]
    assert word in detail
    assert "Food insecurity" in detail
    assert doubles.triggers == []


def test_while_it_is_planned_and_nothing_was_sent_the_plan_is_being_prepared(door, doubles, monkeypatch):
    monkeypatch.setattr(consulted_record, "gather", _away)
    made = doubles.keep()
    answer = ask(door, call(prefetch={}))
    assert titles(answer) == ["The discharge plan is being prepared"]
    assert answer.json["cards"][0]["links"][0]["url"].endswith(f"/discharges/{made.id}")


def test_a_stay_without_diagnoses_and_screenings_is_not_assessed_by_guess(door, doubles, monkeypatch):
    monkeypatch.setattr(consulted_record, "gather", _away)
    sent = {name: value for name, value in prefetch().items() if name in {"patient", "encounter"}}
    assert titles(ask(door, call(prefetch=sent))) == ["The discharge plan is being prepared"]
    assert doubles.triggers == [PLAN]


def test_a_page_of_diagnoses_is_told_as_incomplete(door, monkeypatch):
    monkeypatch.setattr(consulted_record, "gather", _away)
    paged = searchset([RESOURCES[2]], link=[{"relation": "next", "url": "http://127.0.0.1:9/fhir?page=2"}])
    detail = ask(door, call(prefetch=prefetch(conditions=paged))).json["cards"][0]["detail"]
    assert "Food insecurity" in detail
    assert "Condition: incomplete" in detail


def test_what_could_not_be_prefetched_is_told(door):
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    detail = ask(door, call(prefetch=prefetch(coverages=outcome))).json["cards"][0]["detail"]
    assert "Coverage: refused" in detail


def test_null_is_an_answer(door):
    assert ask(door, call(prefetch=prefetch(conditions=None, coverages=None))).status_code == 200


@pytest.mark.parametrize(
    "more",
    [
        {"fhirServer": None},
        {"fhirAuthorization": None},
        {"extension": None},
        {"fhirServer": None, "fhirAuthorization": None, "extension": None},
        {"prefetch": prefetch(coverages={"resourceType": "Bundle", "type": "searchset", "entry": None})},
    ],
)
def test_null_is_as_absent_in_a_call(door, more):
    assert ask(door, call() | more).json == ask(door, call()).json


def test_null_in_the_authorization_is_a_member_that_lacks(door):
    lent = {
        "access_token": "lent",
        "token_type": None,
        "expires_in": 300,
        "scope": None,
        "subject": "homeward",
    }
    answer = ask(door, call() | {"fhirServer": "http://127.0.0.1:9/fhir", "fhirAuthorization": lent})
    assert (answer.status_code, "lacks token_type, scope" in answer.json["detail"]) == (400, True)


@pytest.mark.parametrize(
    "more", [{"encounterId": None}, {"draftOrders": {"resourceType": "Bundle", "entry": None}}]
)
def test_null_is_as_absent_in_the_context_of_a_signing(door, more):
    body = signing()
    answer = ask(door, body | {"context": body["context"] | more}, "order-sign")
    assert (answer.status_code, bool(answer.json["cards"])) == (200, "encounterId" in more)


def test_null_for_the_whole_prefetch_is_as_none_sent(door, monkeypatch):
    def away(*_args, **_more):
        raise EhrUnavailable

    monkeypatch.setattr(consulted_record, "gather", away)
    answer = ask(door, call() | {"prefetch": None})
    assert answer.status_code == 412
    assert "prefetch.encounter and prefetch.patient did not come" in answer.json["detail"]


@pytest.mark.parametrize("server", ["http://127.0.0.1:9/fhir/", "HTTP://127.0.0.1:9/fhir"])
def test_the_ehr_may_be_spelt_as_a_url_may_be(door, server):
    subject = {"reference": f"{server.rstrip('/')}/Patient/p1/_history/3"}
    condition = builders.condition("c1", "Z59.41", subject=subject)
    body = call(fhirServer=server, prefetch=prefetch(conditions=searchset([condition])))
    assert "Food insecurity" in ask(door, body).json["cards"][0]["detail"]


MRN = {"system": "urn:oid:2.16.840.1.113883.19.5", "value": "example-mrn-7"}


def test_a_patient_who_is_named_by_their_number_is_known(door):
    named = {"type": "Patient", "identifier": MRN}
    stay, condition = builders.encounter(subject=named), builders.condition("c1", "Z59.41", subject=named)
    sent = prefetch(
        patient=builders.patient(identifier=[MRN]), encounter=stay, conditions=searchset([condition])
    )
    assert "Food insecurity" in ask(door, call(prefetch=sent)).json["cards"][0]["detail"]
    order = ORDER | {"subject": named}
    assert ask(door, signing(order, prefetch=sent), "order-sign").json["cards"]
    another = ORDER | {"subject": {"identifier": MRN | {"value": "8"}}}
    assert ask(door, signing(another, prefetch=sent), "order-sign").status_code == 400


def test_references_that_name_the_ehr_in_full_are_understood(door):
    base = "http://127.0.0.1:9/fhir"
    condition = builders.condition("c1", "Z59.41", subject={"reference": f"{base}/Patient/p1"})
    body = call(fhirServer=f"{base}/", prefetch=prefetch(conditions=searchset([condition])))
    assert "Food insecurity" in ask(door, body).json["cards"][0]["detail"]


@pytest.mark.parametrize(
    ("plain", "written"),
    [
        ('"reference": "', '"reference" : "'),
        ('"reference": "', '"reference":  "'),
        ('"reference": "', '"reference":"'),
        ("/", r"\/"),
        ("/", r"\u002f"),
        ("/", r"\u002F"),
    ],
)
def test_references_that_name_the_ehr_in_full_are_understood_however_they_are_written(door, plain, written):
    base = "http://127.0.0.1:9/fhir"
    of_patient = {"reference": f"{base}/Patient/p1"}
    stay = builders.encounter() | {"subject": of_patient}
    condition = builders.condition("c1", "Z59.41", subject=of_patient)
    body = json.dumps(call(prefetch=prefetch(encounter=stay, conditions=searchset([condition]))))
    assert plain in body
    answer = door.post(
        "/cds-services/encounter-discharge",
        data=body.replace(plain, written),
        content_type="application/json",
    )
    assert "Food insecurity" in answer.json["cards"][0]["detail"]


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error"])
def test_a_stay_that_did_not_take_place_has_no_cards_and_no_plan(door, doubles, status):
    off = builders.encounter() | {"status": status}
    assert ask(door, call(prefetch=prefetch(encounter=off))).json == {"cards": []}
    assert ask_late(door, call(prefetch=prefetch(encounter=off))).json == {"cards": []}
    assert doubles.triggers == []


@pytest.mark.parametrize(
    "merged",
    [{"active": False}, {"link": [{"type": "replaced-by", "other": {"reference": "Patient/p2"}}]}],
)
def test_a_patient_who_is_one_no_longer_is_a_conflict(door, doubles, merged):
    gone = builders.patient() | merged
    answer = ask(door, call(prefetch=prefetch(patient=gone)))
    assert answer.status_code == 409
    assert "merged" in answer.json["detail"]
    assert ask_late(door, call(prefetch=prefetch(patient=gone))).status_code == 409
    assert doubles.triggers == []


def test_a_visit_that_is_no_stay_has_no_cards_and_no_plan(door, doubles):
    visit = builders.encounter(class_code="AMB")
    assert ask(door, call(prefetch=prefetch(encounter=visit))).json == {"cards": []}
    assert doubles.triggers == []


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ({"system": "urn:example:classes", "code": "17"}, True),
        ({"system": "urn:example:classes", "code": "HOV", "display": "Haus 3"}, True),
        ({"code": "EMER"}, False),
        ({"code": "AMB"}, False),
        ({"system": "urn:example:classes", "code": "9", "display": "Outpatient"}, False),
    ],
)
def test_a_class_that_nobody_understands_is_told_with_the_setting(door, doubles, kind, told):
    stay = builders.encounter() | {"class": kind}
    cards = ask(door, call(prefetch=prefetch(encounter=stay))).json["cards"]
    assert doubles.triggers == []
    assert [card["indicator"] for card in cards] == (["info"] if told else [])
    if told:
        assert "not understood" in cards[0]["summary"]
        assert "encounter_classes" in cards[0]["detail"]
        assert "links" not in cards[0]
        assert "Haus" not in str(cards)


def test_a_class_that_nobody_understands_is_told_however_late(late, doubles):
    stay = builders.encounter() | {"class": {"system": "urn:example:classes", "code": "17"}}
    assert titles(late(call(prefetch=prefetch(encounter=stay)))) == [
        "No discharge plan: the class of this encounter is not understood"
    ]
    assert doubles.triggers == []


# --- reading the EHR ----------------------------------------------------------------------------
def _away(*_args, **_more):
    raise EhrUnavailable


@pytest.mark.parametrize("missing", ["patient", "encounter", "conditions", "screenings"])
def test_what_is_essential_and_was_not_sent_is_read(door, doubles, monkeypatch, missing):
    record = build_record(RESOURCES, encounter=STAY)
    monkeypatch.setattr(consulted_record, "gather", lambda *_args, **_more: record)
    assert "Food insecurity" in ask(door, call(prefetch=without(missing))).json["cards"][0]["detail"]
    assert doubles.triggers == [PLAN]


def test_with_the_callers_token_only_that_is_used(door, doubles, monkeypatch):
    seen = []

    def gathered(_encounter, ehr, **_more):
        seen.append(ehr)
        return build_record(RESOURCES, encounter=STAY)

    monkeypatch.setattr(consulted_record, "gather", gathered)
    doubles.ehrs["demo"] = Ehr(doubles.tenants["demo"])
    lent = {
        "access_token": "lent",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "user/*.rs",
        "subject": "homeward",
    }
    body = call(prefetch={}, fhirServer="http://127.0.0.1:9/fhir", fhirAuthorization=lent)
    assert ask(door, body).status_code == 200
    [ehr] = seen
    assert isinstance(ehr, BorrowedEhr)
    assert ehr.tenant.fhir_base_url == "http://127.0.0.1:9/fhir"
    assert ehr.tenant.read_timeout_seconds < cds_hooks.ANSWER_SECONDS


def test_a_visit_found_out_by_reading_has_no_cards(door, monkeypatch):
    def visit(*_args, **_more):
        raise NotAnInpatientStay

    monkeypatch.setattr(consulted_record, "gather", visit)
    assert ask(door, call(prefetch={})).json == {"cards": []}


# --- time and faults ----------------------------------------------------------------------------
@pytest.fixture
def hurried(door, monkeypatch):
    """The same door, with as little time as callers have."""
    monkeypatch.setattr(cds_hooks, "ANSWER_SECONDS", 0.45)
    return door


class Slowly:
    """A body that comes over a slow line."""

    def __init__(self, body: bytes):
        self._body = BytesIO(body)

    def read(self, size: int = -1) -> bytes:
        time.sleep(2)
        return self._body.read(size)


def ask_slowly(door, *, lacking=0):
    body = json.dumps(call()).encode()
    environ = {
        "wsgi.input": Slowly(body),
        "wsgi.input_terminated": True,  # as gunicorn says
        "CONTENT_LENGTH": str(len(body) + lacking),
        "CONTENT_TYPE": "application/json",
    }
    return door.post("/cds-services/encounter-discharge", environ_overrides=environ)


def test_the_time_that_a_body_takes_to_come_is_no_time_of_ours(door, monkeypatch):
    monkeypatch.setattr(cds_hooks, "ANSWER_SECONDS", 0.9)
    answer = ask_slowly(door)
    assert answer.status_code == 200
    assert answer.json["cards"]


def test_a_body_that_does_not_come_whole_is_the_callers_mistake(hurried):
    answer = ask_slowly(hurried, lacking=1)
    assert answer.status_code == 400
    assert "within ten seconds" in answer.json["detail"]


def test_an_ehr_that_is_slow_delays_no_answer(hurried, doubles, monkeypatch, stalled):
    monkeypatch.setattr(consulted_record, "gather", stalled)
    doubles.keep()
    assert titles(ask(hurried, call(prefetch={}))) == ["The discharge plan is being prepared"]


def test_a_database_that_is_slow_is_an_error_in_time(hurried, doubles, monkeypatch, stalled):
    monkeypatch.setattr(doubles.store, "of_stay", stalled, raising=False)
    answer = ask(hurried)
    assert answer.status_code == 503
    assert answer.json["type"] == "/docs#no-time"  # and not that the EHR is away, which nobody asked
    assert answer.headers["Retry-After"]


def test_an_assessment_that_is_slow_is_a_plan_being_prepared(door, monkeypatch, stalled):
    monkeypatch.setattr(cds_hooks, "ANSWER_SECONDS", 2)
    monkeypatch.setattr(consult, "glance", stalled)
    assert titles(ask(door)) == ["The discharge plan is being prepared"]


# --- whose turn comes late ----------------------------------------------------------------------
@pytest.fixture
def late(door, monkeypatch):
    """The same door, where every call has waited for long and nothing may be thought about."""
    monkeypatch.setattr(consult, "glance", _must_not_be_thought_about)
    return partial(ask_late, door)


def _must_not_be_thought_about(*_args, **_more):
    raise AssertionError("a record was assessed for a caller whose time is nearly over")


def ask_late(door, body=None):
    """Of its 20 seconds half is left, which counts as late here: a busy machine must not take the rest of a tenth of one."""
    waited = {"homeward.waited": 10.0}
    path = "/cds-services/encounter-discharge"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(consulted_record, "_LATE_SECONDS", 15.0)
        return door.post(path, json=call() if body is None else body, environ_overrides=waited)


def test_whose_turn_comes_late_is_told_in_short_and_the_stay_is_planned(late, doubles):
    answer = late()
    assert titles(answer) == ["The discharge plan is being prepared"]
    assert doubles.triggers == [PLAN]


def test_a_visit_has_no_cards_and_no_plan_however_late(late, doubles):
    visit = builders.encounter(class_code="AMB")
    assert late(call(prefetch=prefetch(encounter=visit))).json == {"cards": []}
    assert doubles.triggers == []


def test_a_stay_without_a_class_is_the_callers_mistake_however_late(late, doubles):
    unclear = {name: value for name, value in builders.encounter().items() if name != "class"}
    assert late(call(prefetch=prefetch(encounter=unclear))).status_code == 400
    assert doubles.triggers == []


@pytest.mark.parametrize("sent", [without("encounter"), prefetch(encounter=None)])
def test_without_the_stay_nothing_is_said_of_it_however_late(late, monkeypatch, sent):
    monkeypatch.setattr(consulted_record, "gather", _away)
    assert late(call(prefetch=sent)).status_code == 412


def test_a_plan_that_stands_is_shown_however_late(late, doubles, plan):
    made = doubles.keep(state=DischargeState.PUBLISHED)
    doubles.store.planned[made.id] = plan
    assert "Is your home safe to return to?" in late().json["cards"][0]["detail"]


@pytest.mark.parametrize("state", [DischargeState.CANCELLED, DischargeState.FAILED])
def test_no_plan_is_promised_where_none_is_being_made(door, doubles, state):
    doubles.keep(state=state)
    detail = ask_late(door).json["cards"][0]["detail"]
    assert "This is what the record tells now." in detail


def test_who_has_waited_longer_than_an_ehr_waits_is_told_to_call_again(door):
    waited = {"homeward.waited": 60.0}
    answer = door.post("/cds-services/encounter-discharge", json=call(), environ_overrides=waited)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]


def test_a_fault_of_ours_is_500_and_never_an_empty_answer(door, monkeypatch):
    def fault(*_args, **_more):
        raise ZeroDivisionError

    monkeypatch.setattr(consult, "glance", fault)
    answer = ask(door)
    assert answer.status_code == 500
    assert "cards" not in answer.json


def test_a_database_that_is_away_is_503_and_never_an_empty_answer(door, doubles):
    doubles.store.away = True
    answer = ask(door)
    assert answer.status_code == 503
    assert "cards" not in answer.json


# --- order-sign ---------------------------------------------------------------------------------
def test_a_discharge_order_being_signed_is_answered_as_a_discharge(door, doubles):
    answer = ask(door, signing(), "order-sign")
    assert "Food insecurity" in answer.json["cards"][0]["detail"]
    assert doubles.triggers == [PLAN]


@pytest.mark.parametrize(
    "order",
    [
        ORDER | {"code": {"coding": [{"system": "http://snomed.info/sct", "code": "306206005"}]}},
        ORDER | {"code": {"text": "discharge"}},
        ORDER | {"status": "revoked"},
        ORDER | {"doNotPerform": True},
        builders.resource("MedicationRequest", "m1", status="draft"),
    ],
)
def test_other_orders_have_no_cards(door, doubles, order):
    assert ask(door, signing(order), "order-sign").json == {"cards": []}
    assert doubles.triggers == []


def test_the_discharge_is_found_among_other_orders(door, doubles):
    other = builders.resource("MedicationRequest", "m1", status="draft")
    assert ask(door, signing(other, ORDER), "order-sign").json["cards"]
    assert doubles.triggers == [PLAN]


def test_a_hospitals_own_code_means_discharge_where_it_says_so(door, doubles):
    codes = frozenset({"http://hospital.example/orders|DC"})
    doubles.tenants = {"demo": replace(doubles.tenants["demo"], order_codes=codes)}
    own = ORDER | {"code": {"coding": [{"system": "http://hospital.example/orders", "code": "DC"}]}}
    assert ask(door, signing(own), "order-sign").json["cards"]
    assert ask(door, signing(), "order-sign").json == {"cards": []}


def test_the_order_names_the_stay_where_the_context_does_not(door, doubles):
    orders = builders.bundle(ORDER)
    body = signing(context=context(encounterId=None, draftOrders=orders))
    assert ask(door, body, "order-sign").status_code == 200
    assert doubles.triggers == [PLAN]


def test_an_order_that_is_signed_already_is_taken_by_its_name(door, doubles):
    signed = ORDER | {"status": "active", "id": "o7"}
    ask(door, signing(signed), "order-sign")
    assert [trigger.order for trigger in doubles.triggers] == ["ServiceRequest/o7"]


@pytest.mark.parametrize("name", [".", "..", "../../elsewhere?x=1", {"a": 1}, 7, "x" * 65, "a\0b", "", "٣"])
def test_an_order_whose_id_is_none_starts_a_plan_without_it(door, doubles, name):
    ask(door, signing(ORDER | {"status": "active", "id": name}), "order-sign")
    assert doubles.triggers == [PLAN]


@pytest.mark.parametrize("status", [["draft"], {}, None, 7])
def test_an_order_without_a_readable_status_may_be_about_to_be_signed(door, doubles, status):
    assert ask(door, signing(ORDER | {"status": status}), "order-sign").json["cards"]
    assert doubles.triggers == [PLAN]


@pytest.mark.parametrize("subject", ["Device/1", "Group/1", "Location/1"])
def test_an_order_about_a_thing_mixes_up_no_patients(door, subject):
    other = builders.resource("ServiceRequest", "x", status="draft", subject={"reference": subject})
    assert ask(door, signing(other, ORDER), "order-sign").json["cards"]


@pytest.mark.parametrize("stay", ["Encounter/.", "Encounter/.."])
def test_a_stay_that_leads_elsewhere_is_none(door, doubles, stay):
    order = ORDER | {"encounter": {"reference": stay}}
    body = signing(order, context=context(encounterId=None, draftOrders=builders.bundle(order)))
    assert ask(door, body, "order-sign").status_code == 400
    assert ask(door, call(context=context(encounterId=stay.partition("/")[2]))).status_code == 400
    assert doubles.triggers == []


# --- browsers -----------------------------------------------------------------------------------
def test_a_configured_origin_may_call_from_a_browser(house, doubles):
    del doubles
    door = house({"HOMEWARD_OPEN_ACCESS": "on", "HOMEWARD_HOOK_ORIGINS": "https://ehr.example.org"})
    origin = {"Origin": "https://ehr.example.org"}
    asked = door.options("/cds-services/encounter-discharge", headers=origin)
    assert asked.status_code == 200
    assert asked.headers["Access-Control-Allow-Origin"] == "https://ehr.example.org"
    assert "Authorization" in asked.headers["Access-Control-Allow-Headers"]
    assert "Retry-After" in asked.headers["Access-Control-Expose-Headers"]
    assert door.get("/cds-services", headers=origin).headers["Access-Control-Allow-Origin"]
    assert "Access-Control-Allow-Credentials" not in asked.headers


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://ehr.example.org.evil.example"])
def test_any_other_origin_keeps_the_answer_to_itself(house, doubles, origin):
    del doubles
    door = house({"HOMEWARD_OPEN_ACCESS": "on", "HOMEWARD_HOOK_ORIGINS": "https://ehr.example.org"})
    answer = door.get("/cds-services", headers={"Origin": origin})
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Origin" in answer.headers["Vary"]


def test_what_was_shown_is_remembered_with_the_user(door, doubles):
    cards = ask(door).json["cards"]
    assert [str(offer.id) for offer in doubles.store.shown] == [card["uuid"] for card in cards]
    assert {offer.shown_to for offer in doubles.store.shown} == {"Practitioner/arthur-attending"}


def test_there_is_half_a_second():
    assert cds_hooks.ANSWER_SECONDS < 0.5


@pytest.mark.parametrize(
    "closed",
    [
        {"active": False},
        {"active": "false"},
        {"link": [{"type": "replaced-by", "other": {"reference": "Patient/p2"}}]},
    ],
)
@pytest.mark.parametrize("ask_so", [ask, ask_late])
def test_somebody_who_has_died_is_no_conflict_however_their_record_was_closed(door, closed, ask_so):
    dead = builders.patient(deceasedBoolean=True) | closed
    answer = ask_so(door, call(prefetch=prefetch(patient=dead)))
    assert answer.status_code == 200
    assert "has died" in json.dumps(answer.json)
