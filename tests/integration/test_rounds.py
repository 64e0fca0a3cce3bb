"""Rounds in a real EHR: what no notification told of is found, once, whoever looks."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from prometheus_client import REGISTRY

from config.settings import load_settings
from config.tenants import Tenant
from fhir_mappings import systems
from service.domain.audit import Event
from service.domain.discharge import Action, DischargeState, Trigger
from service.domain.record import Gap, GapReason
from service.domain.watch import LONGEST_PAUSE, Watch, Way
from service.ehr.client import Ehr
from service.ehr.search import Lack, SearchResult
from service.errors import EhrUnavailable
from service.jobs import Jobs
from service.pipeline.intake import intake
from service.pipeline.look import look
from service.pipeline.rounds import call_rounds, look_after_stays, make_round
from service.pipeline.subscribe import means_of, subscribe
from service.sandbox.hospital import Hospital
from tests.builders import discharge_orders_topic
from tests.ehr_fixtures import create, put

SECRET = "a secret of the sandbox"
STAY = {"resourceType": "Encounter", "status": "in-progress", "class": {"code": "IMP"}}


@dataclass
class Deps:
    """What a round uses of the deployment; the clock is the machine's, moved by hand."""

    store: object
    jobs: object
    tenants: dict[str, Tenant]
    client: Ehr
    later: timedelta = timedelta()
    settings: object = load_settings({"HOMEWARD_PUBLIC_URL": "http://127.0.0.1:9"})

    def now(self):
        return datetime.now(UTC) + self.later

    def ehr(self, _tenant):
        return self.client


_LACKS = {GapReason.INCOMPLETE: Lack.PASSING, GapReason.REFUSED: Lack.LASTING}


class Searched:
    """An EHR without Subscriptions that answers a search for the orders of all patients, or has this gap instead."""

    def __init__(self, capability, tenant, reason):
        offered = {kind: one for kind, one in capability.resources.items() if kind != "Subscription"}
        self.tenant, self._known, self._reason = tenant, replace(capability, resources=offered), reason

    def capability(self):
        return self._known

    def batch(self, searches):
        gaps = (Gap("ServiceRequest", self._reason, "It was refused."),) if self._reason else ()
        lack = _LACKS.get(self._reason, Lack.NOTHING)
        return [SearchResult(search, (), gaps, lack=lack) for search in searches]


@pytest.fixture
def hospital(sandbox):
    return Hospital(sandbox.base_url)


@pytest.fixture
def tenant(sandbox):
    return Tenant(
        id="one",
        fhir_base_url=sandbox.base_url,
        organization="Example Hospital",
        subscription_secret=SECRET,
        poll_seconds=60,
    )


@pytest.fixture
def deps(store, database_url, tenant):
    with psycopg.connect(database_url) as connection:
        connection.execute("TRUNCATE procrastinate_jobs, discharges, watches CASCADE")

    def no_steps():
        raise AssertionError("nothing runs here")

    with Ehr(tenant) as client:
        yield Deps(store, Jobs(database_url, no_steps), {"one": tenant}, client)


def stay_of(hospital, **more):
    """A new patient's stay in the EHR: its reference and the patient's."""
    patient = hospital.create({"resourceType": "Patient", "name": [{"family": "Testperson"}]})
    return hospital.create({**STAY, "subject": {"reference": patient}, **more}), patient


def order_for(hospital, stay, patient, **more):
    coding = {"system": "http://snomed.info/sct", "code": "58000006"}
    order = {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "code": {"coding": [coding]},
        "encounter": {"reference": stay},
        "subject": {"reference": patient},
    }
    return hospital.create({name: value for name, value in {**order, **more}.items() if value is not None})


def watch(deps, *, way=Way.POLL, since=None, **more):
    made = Watch("one", way, deps.now(), since or deps.now(), **more)
    deps.store.watches.save(made)
    return made


def planned(deps, stay, order=""):
    """A discharge whose plan stands in the EHR."""
    made = intake(Trigger("one", stay, Action.PLAN, "rest", order), deps)
    assert made is not None
    done = replace(made, state=DischargeState.PUBLISHED)
    deps.store.discharges.save(done)
    return done


def state_of(deps, discharge):
    return deps.store.discharges.get(discharge.id).state


def counted():
    return REGISTRY.get_sample_value("homeward_orders_without_stay_total", {"tenant": "one"}) or 0.0


def looks_waiting(database_url):
    with psycopg.connect(database_url) as connection:
        query = "SELECT args->>'reference' FROM procrastinate_jobs WHERE task_name = 'look' ORDER BY id"
        return [reference for (reference,) in connection.execute(query)]


def rounds_waiting(database_url):
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'round'"
        ).fetchone()
    return row[0] if row else 0


def test_a_round_finds_the_order_that_nobody_told_of(deps, hospital, tenant):
    stay, patient = stay_of(hospital)
    watch(deps)
    order = order_for(hospital, stay, patient)
    make_round(tenant, deps)
    found = deps.store.discharges.of_stay("one", stay)
    assert (found.order, found.state) == (order, DischargeState.RECEIVED)
    assert deps.store.audit.of(found.id)[0].actor == "poll"


NO_STAY = [None, {"identifier": {"system": "urn:oid:1.2.3", "value": "visit-7"}}, {"display": "This visit"}]


@pytest.mark.parametrize("named", NO_STAY)
def test_an_order_that_names_no_stay_is_for_its_patients_only_open_one(
    deps, database_url, hospital, tenant, named
):
    stay, patient = stay_of(hospital)
    stay_of(hospital)
    for beside in ({"status": "finished"}, {"class": {"code": "AMB"}}):
        hospital.create({**STAY, "subject": {"reference": patient}, **beside})
    order = order_for(hospital, stay, patient, encounter=named)
    watch(deps)
    make_round(tenant, deps)
    assert order in looks_waiting(database_url)
    look(order, tenant, deps)
    found = deps.store.discharges.of_stay("one", stay)
    assert (found.order, found.state) == (order, DischargeState.RECEIVED)


def test_the_end_of_an_order_that_names_no_stay_calls_off_the_one_it_was_planned_for(deps, hospital, tenant):
    stay, patient = stay_of(hospital)
    order = order_for(hospital, stay, patient, encounter=None)
    look(order, tenant, deps)
    discharge = deps.store.discharges.of_stay("one", stay)
    put(hospital.base_url, hospital.read(stay), status="finished", period={"end": "2024-03-07T10:00:00Z"})
    put(hospital.base_url, hospital.read(order), status="revoked")
    look_after_stays(tenant, deps)
    assert state_of(deps, discharge) is DischargeState.CANCELLING


def test_where_it_cannot_be_told_which_stay_is_meant_it_is_counted(deps, hospital, tenant):
    stay, patient = stay_of(hospital)
    other = hospital.create({**STAY, "subject": {"reference": patient}})
    order = order_for(hospital, stay, patient, encounter=None)
    before = counted()
    look(order, tenant, deps)
    assert [deps.store.discharges.of_stay("one", one) for one in (stay, other)] == [None, None]
    assert counted() == before + 1


def test_further_rounds_plan_nothing_anew_and_tell_it_once(deps, hospital, tenant):
    stay, patient = stay_of(hospital)
    watch(deps)
    order_for(hospital, stay, patient)
    for _ in range(4):
        make_round(tenant, deps)
    found = deps.store.discharges.of_stay("one", stay)
    assert found.round == 1
    assert [entry.event for entry in deps.store.audit.of(found.id)] == [Event.RECEIVED, Event.DUPLICATE]


def test_an_order_that_was_called_off_unheard_is_told_once(deps, database_url, hospital, tenant):
    stay, patient = stay_of(hospital)
    watch(deps)
    order = order_for(hospital, stay, patient)
    put(hospital.base_url, hospital.read(order), status="revoked")
    for _ in range(3):
        make_round(tenant, deps)
    with psycopg.connect(database_url) as connection:
        told = connection.execute("SELECT count(*) FROM audit WHERE reference = %s", [order]).fetchone()
    assert told == (1,)


def test_after_an_outage_a_round_goes_back_to_the_last_good_one(deps, hospital, tenant):
    stay, patient = stay_of(hospital)
    order_for(hospital, stay, patient)
    before = watch(deps)
    deps.later = timedelta(hours=9)
    good, deps.client = deps.client, Away()
    with suppress(EhrUnavailable):
        make_round(tenant, deps)
    assert deps.store.watches.of("one") == before.failed()
    deps.client = good
    make_round(tenant, deps)
    assert deps.store.discharges.of_stay("one", stay) is not None
    after = deps.store.watches.of("one")
    assert after.failures == 0
    assert after.since > before.since + timedelta(hours=8)


class Away:
    """An EHR that does not answer."""

    def capability(self):
        raise EhrUnavailable


def test_of_many_workers_one_calls_the_round(deps, database_url):
    watch(deps)
    with ThreadPoolExecutor(8) as workers:
        list(workers.map(lambda _: call_rounds(deps), range(24)))
    assert rounds_waiting(database_url) == 1
    assert deps.store.watches.of("one").due > deps.now() + timedelta(seconds=30)
    call_rounds(deps)
    assert rounds_waiting(database_url) == 1


@pytest.mark.parametrize(
    ("way", "failures", "pause"),
    [
        (Way.POLL, 0, timedelta(minutes=1)),
        (Way.POLL, 3, timedelta(minutes=8)),
        (Way.POLL, 40, LONGEST_PAUSE),
        (Way.REST_HOOK, 0, LONGEST_PAUSE),
    ],
)
def test_a_hospital_that_fails_is_asked_less_often_but_once_an_hour(deps, way, failures, pause):
    watch(deps, way=way, failures=failures)
    began = deps.now()
    call_rounds(deps)
    assert abs(deps.store.watches.of("one").due - began - pause) < timedelta(seconds=5)


def test_the_watch_of_a_hospital_no_longer_served_calls_nothing(deps, database_url):
    before = watch(deps)
    known = dict(deps.tenants)
    deps.tenants.clear()
    call_rounds(deps)
    assert rounds_waiting(database_url) == 0
    assert deps.store.watches.of("one") == before  # a worker that knows the hospital finds it due
    deps.tenants.update(known)
    call_rounds(deps)
    assert rounds_waiting(database_url) == 1


def test_an_order_called_off_unseen_is_noticed(deps, hospital, tenant):
    stay, patient = stay_of(hospital)
    order = order_for(hospital, stay, patient)
    discharge = planned(deps, stay, order)
    put(hospital.base_url, hospital.read(order), status="revoked")
    look_after_stays(tenant, deps)
    assert state_of(deps, discharge) is DischargeState.CANCELLING


def test_one_stay_that_the_ehr_keeps_from_us_keeps_us_from_no_other(deps, hospital, tenant):
    kept, other = (stay_of(hospital)[0] for _ in range(2))
    first, second = planned(deps, other), planned(deps, kept)  # the last changed is looked at first
    deps.store.discharges.save(replace(second, encounter="Encounter/kept"))
    put(hospital.base_url, hospital.read(other), status="cancelled")
    look_after_stays(tenant, deps)
    assert state_of(deps, first) is DischargeState.CANCELLING
    assert state_of(deps, second) is DischargeState.PUBLISHED


def test_a_stay_that_ended_is_planned_anew_and_then_left_alone(deps, hospital, tenant):
    stay, _ = stay_of(hospital)
    discharge = planned(deps, stay)
    look_after_stays(tenant, deps)
    rounds = deps.store.discharges.get(discharge.id).round
    put(hospital.base_url, hospital.read(stay), status="finished", period={"end": "2024-03-07T10:00:00Z"})
    for _ in range(2):
        look_after_stays(tenant, deps)
    assert deps.store.discharges.get(discharge.id).round == rounds + 1


@pytest.mark.parametrize(("days", "rounds"), [(20, 1), (40, 0)])
def test_who_has_left_is_looked_after_until_the_last_follow_up(deps, hospital, tenant, days, rounds):
    stay, patient = stay_of(hospital)
    discharge = planned(deps, stay)
    put(hospital.base_url, hospital.read(stay), status="finished", period={"end": "2024-03-07T10:00:00Z"})
    look_after_stays(tenant, deps)
    left = deps.store.discharges.get(discharge.id).round
    put(hospital.base_url, hospital.read(patient), deceasedBoolean=True)
    for hour in range(24):
        deps.later = timedelta(days=days, hours=hour)
        look_after_stays(tenant, deps)
    assert deps.store.discharges.get(discharge.id).round == left + rounds


@pytest.mark.parametrize("by", ["look", "round"])
def test_a_merged_patient_has_the_stay_planned_anew_so_that_a_person_hears_of_it(deps, hospital, tenant, by):
    stay, patient = stay_of(hospital)
    discharge = planned(deps, stay)
    look_after_stays(tenant, deps)
    before = deps.store.discharges.get(discharge.id)
    deps.store.discharges.save(replace(before, state=DischargeState.PUBLISHED))
    link = {"type": "replaced-by", "other": {"reference": "Patient/survivor"}}
    put(hospital.base_url, hospital.read(patient), active=False, link=[link])
    if by == "look":
        look(stay, tenant, deps)
    else:
        look_after_stays(tenant, deps)
    after = deps.store.discharges.get(discharge.id)
    assert (after.state, after.round) == (DischargeState.RECEIVED, before.round + 1)


@pytest.mark.parametrize("changed", ["death", "transfer"])
def test_a_patient_who_dies_or_is_sent_elsewhere_after_the_plan_has_the_stay_planned_anew_once(
    deps, hospital, tenant, changed
):
    stay, patient = stay_of(hospital)
    discharge = planned(deps, stay)
    look_after_stays(tenant, deps)
    before = deps.store.discharges.get(discharge.id)
    deps.store.discharges.save(replace(before, state=DischargeState.PUBLISHED))
    if changed == "death":
        put(hospital.base_url, hospital.read(patient), deceasedBoolean=True)
    else:
        place = {"coding": [{"system": systems.DISCHARGE_DISPOSITION, "code": "other-hcf"}]}
        put(hospital.base_url, hospital.read(stay), hospitalization={"dischargeDisposition": place})
    for _ in range(2):
        look_after_stays(tenant, deps)
    after = deps.store.discharges.get(discharge.id)
    assert (after.state, after.round) == (DischargeState.RECEIVED, before.round + 1)


def test_a_late_repeat_of_an_order_that_was_called_off_starts_nothing(deps, hospital, tenant):
    stay, patient = stay_of(hospital)
    order = order_for(hospital, stay, patient)
    discharge = planned(deps, stay, order)
    put(hospital.base_url, hospital.read(order), status="revoked")
    look(order, tenant, deps)
    deps.store.discharges.save(
        replace(deps.store.discharges.get(discharge.id), state=DischargeState.CANCELLED)
    )
    intake(Trigger("one", stay, Action.PLAN, "subscription", order), deps)
    look(order, tenant, deps)
    assert state_of(deps, discharge) is DischargeState.CANCELLED
    assert Event.TO_BE_CHECKED in [entry.event for entry in deps.store.audit.of(discharge.id)]


# --- subscribing --------------------------------------------------------------------------------
class TestSubscribing:
    @pytest.fixture
    def sandbox(self, empty_sandbox):
        return empty_sandbox

    def test_makes_what_is_missing_once(self, deps, hospital, tenant):
        assert not subscribe(tenant, deps, check=True).holds
        assert hospital.search("Subscription") == []
        first, second = subscribe(tenant, deps), subscribe(tenant, deps)
        assert (first.means.way, first.holds, second.holds) == (Way.REST_HOOK, True, True)
        assert [one.done for one in (*first.standings, *second.standings)] == ["created"] * 2 + [
            "nothing"
        ] * 2
        assert len(hospital.search("Subscription")) == 2
        assert deps.store.watches.of("one").way is Way.REST_HOOK

    def test_tells_that_nobody_looks_while_the_ehrs_own_subscriptions_are_active(self, deps, tenant):
        subscribe(tenant, deps)
        assert subscribe(tenant, deps, check=True).watched
        with deps.store.begin() as unit:
            unit.watches.forget("one")
        found = subscribe(tenant, deps, check=True)
        assert [one.status for one in found.standings] == ["active", "active"]
        assert (found.watched, found.holds) == (False, False)

    @pytest.mark.parametrize("status", ["error", "off"])
    def test_repairs_one_that_has_ended(self, deps, hospital, tenant, status):
        [standing, _] = subscribe(tenant, deps).standings
        put(hospital.base_url, hospital.read(standing.reference), status=status)
        assert subscribe(tenant, deps, check=True).standings[0].faults == (f"status {status}",)
        repaired = subscribe(tenant, deps).standings[0]
        assert (repaired.reference, repaired.status, repaired.done) == (
            standing.reference,
            "active",
            "repaired",
        )

    def test_brings_a_new_secret_and_says_nothing_of_it(self, deps, hospital, tenant):
        subscribe(tenant, deps)
        rotated = replace(tenant, subscription_secret="another", previous_subscription_secret=SECRET)
        found = subscribe(rotated, deps, check=True)
        assert found.standings[0].faults == ("secret",)
        assert "another" not in repr(found)
        assert subscribe(rotated, deps).holds
        headers = [one["channel"]["header"] for one in hospital.search("Subscription")]
        assert headers == [["Authorization: Bearer another"]] * 2

    def test_takes_over_one_made_by_hand_and_ends_its_double(self, deps, hospital, tenant):
        for _ in range(2):
            hospital.subscribe("http://127.0.0.1:9/subscriptions/one", SECRET)
        subscribe(tenant, deps)
        states = sorted(one["status"] for one in hospital.search("Subscription"))
        assert states == ["active", "active", "off"]
        assert [one.faults for one in subscribe(tenant, deps, check=True).standings] == [(), ()]

    def test_prefers_a_topic_that_tells_of_every_change(self, deps, hospital, tenant):
        create(hospital.base_url, discharge_orders_topic())
        found = subscribe(tenant, deps, check=True)
        assert found.means.way is Way.BACKPORT
        assert [one.subject for one in found.standings] == ["orders"]

    @pytest.mark.parametrize(
        ("reason", "way"), [(None, Way.POLL), (GapReason.UNCERTAIN, Way.POLL), (GapReason.REFUSED, Way.NONE)]
    )
    def test_polls_only_where_a_search_was_answered(self, deps, tenant, reason, way):
        deps.client = Searched(deps.client.capability(), tenant, reason)
        found = subscribe(tenant, deps)
        assert (found.means.way, found.holds) == (way, way is Way.POLL)
        assert ("census_list" in found.means.reason) == (way is Way.NONE)

    def test_does_not_give_polling_up_for_a_search_that_got_no_whole_answer(self, deps, tenant):
        deps.client = Searched(deps.client.capability(), tenant, GapReason.INCOMPLETE)
        with pytest.raises(EhrUnavailable, match="run this again"):
            subscribe(tenant, deps)

    def test_tells_that_our_own_searches_fail(self, deps, tenant):
        subscribe(tenant, deps)
        with deps.store.begin() as unit:
            unit.watches.save(unit.watches.lock("one").failed())
        found = subscribe(tenant, deps, check=True)
        assert (found.failures, found.holds) == (1, False)

    def test_says_polling_or_hooks_only_where_there_are_no_subscriptions(self, deps, tenant):
        capability = deps.client.capability()
        without = replace(
            capability, resources={k: v for k, v in capability.resources.items() if k != "Subscription"}
        )
        assert means_of(without, tenant).way is Way.POLL
        by_patient = replace(without, required_parameters={"ServiceRequest": frozenset({"patient"})})
        assert means_of(by_patient, tenant).way is Way.NONE
        assert means_of(by_patient, replace(tenant, census_list="List/1")).way is Way.POLL
