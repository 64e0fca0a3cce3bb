"""What seems gone from an EHR: by every kind of answer, at every door, over one look and over several.

The EHR is the sandbox; in front of it a layer answers for what a test hides as a gateway or a lost index would.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from types import SimpleNamespace
from uuid import uuid4

import orjson
import psycopg
import pytest
import structlog.testing
from click.testing import CliRunner
from prometheus_client import REGISTRY

from config.settings import load_settings
from config.tenants import Tenant
from service.cli import main
from service.domain.absence import APART, REFUSED, UNPROVEN, Shown
from service.domain.audit import Event
from service.domain.discharge import Action, CallOff, DischargeState, Trigger
from service.domain.publication import WriteState
from service.ehr.client import Ehr
from service.ehr.search import refusal
from service.errors import (
    EhrError,
    EhrGarbled,
    EhrNotFhir,
    EhrRefused,
    EhrRejected,
    EhrUnavailable,
    NotShown,
    UnknownEncounter,
)
from service.jobs import Jobs, Task
from service.pipeline import run
from service.pipeline.brake import release
from service.pipeline.doubt import call_looks
from service.pipeline.intake import intake
from service.pipeline.look import look
from service.pipeline.rounds import look_after_stays
from service.sandbox.hospital import Hospital
from service.store.plans import PlanVersion
from tests.builders import draft_of, interventions, need, planned
from tests.ehr_fixtures import put
from tests.marks import mark

STAY = {"resourceType": "Encounter", "status": "in-progress", "class": {"code": "IMP"}}
CODE = {"coding": [{"system": "http://snomed.info/sct", "code": "58000006"}]}


def _name(error):
    return f"{type(error).__name__}-{getattr(error, 'status', '')}"


ABSENT = [
    EhrRefused(status=404),
    EhrRefused(status=410),
    EhrGarbled("The EHR's answer is an HTML page, not FHIR."),
    EhrNotFhir("Encounter: the EHR's answer is empty."),
]
NOT_LET = [EhrRefused(status=401), EhrRefused(status=403), EhrRejected(status=422)]


@dataclass
class Hiding:
    """The sandbox's EHR, which gives these errors for what a test hides, read alone or in a batch."""

    ehr: Ehr
    hidden: dict[str, EhrError] = field(default_factory=dict)

    def __getattr__(self, name):
        return getattr(self.ehr, name)

    def read(self, reference):
        if reference in self.hidden:
            raise self.hidden[reference]
        return self.ehr.read(reference)

    def batch(self, searches):
        results = self.ehr.batch(searches)
        errors = [self.hidden.get(f"{search.resource_type}/{search.id}") for search in searches]
        return [
            refusal(result.search, error) if error else result
            for result, error in zip(results, errors, strict=True)
        ]


@dataclass
class Deps:
    """What looks use of the deployment; the clock is moved by hand."""

    store: object
    jobs: object
    tenants: dict[str, Tenant]
    client: Hiding
    later: timedelta = timedelta()
    settings: object = load_settings({"HOMEWARD_PUBLIC_URL": "http://127.0.0.1:9"})

    def now(self):
        return datetime.now(UTC) + self.later

    def ehr(self, _tenant):
        return self.client

    def content(self, _tenant):
        return SimpleNamespace(questions=frozenset())


@pytest.fixture
def log():
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.fixture
def operate(database_url, sandbox, tmp_path, monkeypatch):
    """Run a command of an operator's, and read its JSON."""
    (tmp_path / "tenants.yaml").write_text(
        f"tenants:\n  - id: one\n    fhir_base_url: {sandbox.base_url}\n    organization: Example Hospital\n"
    )
    monkeypatch.setenv("HOMEWARD_DATABASE_URL", database_url)
    monkeypatch.setenv("HOMEWARD_TENANTS_FILE", str(tmp_path / "tenants.yaml"))

    def run_command(*words):
        result = CliRunner().invoke(main, [*words, "--format", "json"])
        assert result.exit_code == 0, result.output
        return orjson.loads(result.stdout)

    return run_command


@pytest.fixture
def hospital(sandbox):
    return Hospital(sandbox.base_url)


@pytest.fixture
def tenant(sandbox):
    return Tenant(id="one", fhir_base_url=sandbox.base_url, organization="Example Hospital")


@pytest.fixture
def deps(store, database_url, tenant):
    with psycopg.connect(database_url) as connection:
        tables = "procrastinate_jobs, discharges, watches, doubts, brakes, called_off_orders"
        connection.execute(f"TRUNCATE {tables} CASCADE")

    def no_steps():
        raise AssertionError("nothing runs here")

    with Ehr(tenant) as client:
        yield Deps(store, Jobs(database_url, no_steps), {"one": tenant}, Hiding(client))


def stands(deps, hospital, *, order=True):
    """A discharge whose plan stands, of a stay and an order that are in the EHR and were read before."""
    patient = hospital.create({"resourceType": "Patient", "name": [{"family": "Testperson"}]})
    stay = hospital.create({**STAY, "subject": {"reference": patient}})
    asked = {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "code": CODE,
        "encounter": {"reference": stay},
        "subject": {"reference": patient},
    }
    named = hospital.create(asked) if order else ""
    made = intake(Trigger("one", stay, Action.PLAN, "poll", named, in_ehr=True), deps)
    assert made is not None
    deps.store.plans.keep(
        made.id, PlanVersion(1, 1, deps.now(), planned(need(interventions=interventions())))
    )
    done = replace(made, state=DischargeState.PUBLISHED)
    deps.store.discharges.save(done)
    return done


def now(deps, discharge):
    return deps.store.discharges.get(discharge.id)


def is_off(deps, discharge):
    return now(deps, discharge).is_called_off()


def finish_withdrawing(deps):
    for discharge in deps.store.discharges.latest("one", states=(DischargeState.CANCELLING,)):
        deps.store.discharges.save(replace(discharge, state=DischargeState.CANCELLED))


def hide(deps, discharges, error=ABSENT[0], what="encounter"):
    deps.client.hidden |= {getattr(discharge, what): error for discharge in discharges}


def looks_waiting(database_url):
    with psycopg.connect(database_url) as connection:
        query = "SELECT args->>'reference' FROM procrastinate_jobs WHERE task_name = 'look' ORDER BY id"
        return [reference for (reference,) in connection.execute(query)]


def see(door, reference, tenant, deps):
    """One look, by this door."""
    if door == "round":
        look_after_stays(tenant, deps)
    else:
        look(reference, tenant, deps)


# --- one look -----------------------------------------------------------------------------------
@pytest.mark.parametrize("what", ["encounter", "order"])
@pytest.mark.parametrize("door", ["round", "look"])
@pytest.mark.parametrize("error", [*ABSENT, *NOT_LET], ids=_name)
def test_one_look_takes_nothing_back_whatever_was_answered(deps, hospital, tenant, error, door, what):
    discharges = [stands(deps, hospital) for _ in range(3)]
    hide(deps, discharges[:2], error, what)
    for discharge in discharges[:2]:
        see(door, getattr(discharge, what), tenant, deps)
    assert not any(is_off(deps, discharge) for discharge in discharges)
    assert len(deps.store.doubts.of("one")) == 2


def test_an_ehr_that_does_not_answer_is_asked_again_and_leaves_no_doubt(deps, hospital, tenant, database_url):
    discharge, other = [stands(deps, hospital) for _ in range(2)]
    put(hospital.base_url, hospital.read(other.encounter), status="cancelled")
    hide(deps, [discharge], EhrUnavailable())
    look_after_stays(tenant, deps)
    assert looks_waiting(database_url) == [discharge.encounter]
    assert is_off(deps, other)
    with pytest.raises(EhrUnavailable):
        look(discharge.encounter, tenant, deps)
    assert deps.store.doubts.of("one") == ()


def test_a_404_on_every_stay_for_one_hourly_look_calls_nothing_off(deps, hospital, tenant):
    discharges = [stands(deps, hospital) for _ in range(22)]
    hide(deps, discharges)
    look_after_stays(tenant, deps)
    deps.client.hidden.clear()
    for hours in range(1, 4):
        deps.later = timedelta(hours=hours)
        look_after_stays(tenant, deps)
    assert not any(is_off(deps, discharge) for discharge in discharges)
    assert deps.store.doubts.of("one") == ()


# --- two looks ----------------------------------------------------------------------------------
@pytest.mark.parametrize("what", ["encounter", "order"])
@pytest.mark.parametrize("doors", list(product(["round", "look"], repeat=2)))
@pytest.mark.parametrize("error", ABSENT, ids=_name)
def test_what_two_looks_apart_do_not_show_is_called_off_and_nothing_else(
    deps, hospital, tenant, error, doors, what
):
    first, second = doors
    gone, *others = [stands(deps, hospital) for _ in range(4)]
    hide(deps, [gone], error, what)
    see(first, getattr(gone, what), tenant, deps)
    deps.later = APART
    see(second, getattr(gone, what), tenant, deps)
    assert (now(deps, gone).state, now(deps, gone).call_off) == (DischargeState.CANCELLING, CallOff.ABSENCE)
    assert not any(is_off(deps, discharge) for discharge in others)


@pytest.mark.parametrize("error", NOT_LET, ids=_name)
def test_a_refusal_never_calls_off_and_is_a_persons_after_a_day(deps, hospital, tenant, error, log):
    kept, *_ = [stands(deps, hospital) for _ in range(4)]
    hide(deps, [kept], error)
    for hours in range(30):
        deps.later = timedelta(hours=hours)
        look_after_stays(tenant, deps)
    assert not is_off(deps, kept)
    [doubt] = deps.store.doubts.of("one")
    assert doubt.shown is Shown.NOT_LET
    assert doubt.asked - doubt.first >= REFUSED
    assert len([line for line in log if line["event"].startswith("a person must look")]) == 1


def test_the_next_looks_come_by_themselves_within_seconds_and_minutes(deps, hospital, tenant, database_url):
    gone, *_ = [stands(deps, hospital) for _ in range(4)]
    hide(deps, [gone])
    look(gone.encounter, tenant, deps)
    call_looks(deps)
    assert looks_waiting(database_url) == []
    for later in (10, 131, 732):
        deps.later = timedelta(seconds=later)
        call_looks(deps)
        call_looks(deps)
        assert looks_waiting(database_url) == [gone.encounter]
        with psycopg.connect(database_url) as connection:
            connection.execute("DELETE FROM procrastinate_jobs WHERE task_name = 'look'")
        look(gone.encounter, tenant, deps)
    assert now(deps, gone).call_off is CallOff.ABSENCE


def test_an_order_that_the_ehr_never_showed_is_not_missed(deps, hospital, tenant):
    """A hook names an order before it is signed; nobody knows by which id it is kept then."""
    discharge, *_ = [stands(deps, hospital, order=False) for _ in range(4)]
    intake(Trigger("one", discharge.encounter, Action.PLAN, "cds-hooks", "ServiceRequest/draft"), deps)
    for hours in range(3):
        deps.later = timedelta(hours=hours)
        look_after_stays(tenant, deps)
    assert not is_off(deps, discharge)
    assert deps.store.doubts.of("one") == ()


@pytest.mark.parametrize("hidden", ["patient", "stay"])
def test_a_patient_who_is_not_shown_lives_as_before(deps, hospital, tenant, hidden):
    discharge, *_ = [stands(deps, hospital) for _ in range(2)]
    patient = hospital.read(discharge.encounter)["subject"]["reference"]
    put(hospital.base_url, hospital.read(patient), deceasedBoolean=True)
    look_after_stays(tenant, deps)
    dead = now(deps, discharge)
    deps.store.discharges.save(replace(dead, state=DischargeState.PUBLISHED))
    deps.client.hidden[patient if hidden == "patient" else discharge.encounter] = EhrRefused(status=404)
    look_after_stays(tenant, deps)
    look(discharge.encounter, tenant, deps)
    assert (now(deps, discharge).round, now(deps, discharge).told) == (dead.round, dead.told)


@pytest.mark.parametrize("by", ["order", "stay", "person"])
@pytest.mark.parametrize("door", ["round", "look"])
def test_what_rests_since_a_discharge_was_called_off_is_withdrawn_once_when_the_patient_dies(
    deps, hospital, tenant, door, by
):
    discharge = stands(deps, hospital)
    if by == "person":
        intake(Trigger("one", discharge.encounter, Action.CANCEL, "rest"), deps)
    else:
        about, status = {"order": (discharge.order, "revoked"), "stay": (discharge.encounter, "cancelled")}[
            by
        ]
        put(hospital.base_url, hospital.read(about), status=status)
        see(door, about, tenant, deps)
    finish_withdrawing(deps)
    order = draft_of("referral", {"resourceType": "ServiceRequest", "status": "active"})
    deps.store.publications.want(discharge.id, [replace(order, identifier=f"urn:uuid:{uuid4()}")])
    with deps.store.hold(discharge.id) as ledger:
        mark(ledger, "referral", WriteState.ON_HOLD, reference="ServiceRequest/held")
    see(door, discharge.encounter, tenant, deps)
    assert now(deps, discharge).state is DischargeState.CANCELLED
    patient = hospital.read(discharge.encounter)["subject"]["reference"]
    put(hospital.base_url, hospital.read(patient), deceasedBoolean=True, active=False)
    see(door, discharge.encounter, tenant, deps)
    ending = now(deps, discharge)
    assert (ending.state, ending.call_off) == (DischargeState.CANCELLING, CallOff.DEATH)
    finish_withdrawing(deps)
    for hours in (1, 2):
        deps.later = timedelta(hours=hours)
        see(door, discharge.encounter, tenant, deps)
    assert now(deps, discharge).state is DischargeState.CANCELLED


# --- words --------------------------------------------------------------------------------------
@pytest.mark.parametrize("status", ["cancelled", "entered-in-error"])
@pytest.mark.parametrize("door", ["round", "look"])
def test_a_stay_that_says_it_did_not_take_place_acts_at_once(deps, hospital, tenant, door, status):
    discharge = stands(deps, hospital)
    put(hospital.base_url, hospital.read(discharge.encounter), status=status)
    see(door, discharge.encounter, tenant, deps)
    assert now(deps, discharge).call_off is CallOff.WORDS


@pytest.mark.parametrize("status", ["revoked", "entered-in-error"])
@pytest.mark.parametrize("door", ["round", "look"])
def test_an_order_that_says_it_was_called_off_acts_at_once(deps, hospital, tenant, door, status):
    discharge = stands(deps, hospital)
    put(hospital.base_url, hospital.read(discharge.order), status=status)
    see(door, discharge.order, tenant, deps)
    assert now(deps, discharge).call_off is CallOff.WORDS


# --- brake --------------------------------------------------------------------------------------
def _gone_for_good(deps, tenant):
    for later in (timedelta(), APART, timedelta(hours=1), timedelta(hours=1, minutes=10)):
        deps.later = later
        look_after_stays(tenant, deps)


@pytest.mark.parametrize(
    ("plans", "gone", "off"),
    [
        (22, 1, 1),
        (22, 3, 3),
        (22, 4, 0),
        (22, 21, 0),
        (22, 22, 0),
        (4, 3, 3),
        (3, 3, 0),
        (2, 2, 0),
        (1, 1, 0),
        (2, 1, 1),
    ],
)
def test_many_plans_or_all_of_a_few_are_not_taken_back_without_a_person(
    deps, hospital, tenant, plans, gone, off
):
    discharges = [stands(deps, hospital) for _ in range(plans)]
    hide(deps, discharges[:gone])
    _gone_for_good(deps, tenant)
    assert sum(is_off(deps, discharge) for discharge in discharges) == off
    held = deps.store.discharges.held("one")
    assert len(held) == gone - off
    assert [brake.tenant for brake in deps.store.brakes.closed()] == (["one"] if held else [])


def test_a_closed_brake_is_told_once(deps, hospital, tenant, log):
    before = (
        REGISTRY.get_sample_value("homeward_brakes_closed_total", {"tenant": "one", "why": "absence"}) or 0
    )
    discharges = [stands(deps, hospital) for _ in range(6)]
    hide(deps, discharges[:5])
    _gone_for_good(deps, tenant)
    after = REGISTRY.get_sample_value("homeward_brakes_closed_total", {"tenant": "one", "why": "absence"})
    assert after == before + 1
    assert len([line for line in log if line["event"].startswith("the brake has closed")]) == 1
    trail = [entry.event for entry in deps.store.audit.of(discharges[0].id)]
    assert trail.count(Event.HELD) == 1


def test_a_hospital_may_set_its_limit(deps, hospital, tenant):
    deps.tenants["one"] = replace(tenant, plans_taken_back_per_hour=6)
    discharges = [stands(deps, hospital) for _ in range(10)]
    hide(deps, discharges[:6])
    _gone_for_good(deps, tenant)
    assert sum(is_off(deps, discharge) for discharge in discharges) == 6


def test_the_brake_opens_when_what_was_missed_is_seen_again(deps, hospital, tenant):
    discharges = [stands(deps, hospital) for _ in range(6)]
    hide(deps, discharges[:5])
    _gone_for_good(deps, tenant)
    assert deps.store.brakes.closed()
    deps.client.hidden.clear()
    look_after_stays(tenant, deps)
    assert deps.store.brakes.closed() == ()
    assert deps.store.discharges.held("one") == ()
    assert not any(is_off(deps, discharge) for discharge in discharges)


def test_a_person_who_releases_the_brake_has_what_is_still_gone_taken_back(
    deps, hospital, tenant, database_url
):
    discharges = [stands(deps, hospital) for _ in range(6)]
    hide(deps, discharges[:5])
    _gone_for_good(deps, tenant)
    del deps.client.hidden[discharges[0].encounter]
    assert len(release("one", deps)) == 5
    assert set(looks_waiting(database_url)) >= {discharge.encounter for discharge in discharges[:5]}
    for discharge in discharges[:5]:
        look(discharge.encounter, tenant, deps)
    assert [is_off(deps, discharge) for discharge in discharges] == [False, *[True] * 4, False]
    assert deps.store.brakes.closed() == ()


def test_words_in_mass_stop_too(deps, hospital, tenant):
    """An EHR that says "cancelled" of every stay is broken; a dozen of many is a day's work."""
    discharges = [stands(deps, hospital) for _ in range(22)]
    for discharge in discharges:
        put(hospital.base_url, hospital.read(discharge.encounter), status="cancelled")
    look_after_stays(tenant, deps)
    assert sum(is_off(deps, discharge) for discharge in discharges) == 11
    assert len(deps.store.discharges.held("one")) == 11


# --- undoing ------------------------------------------------------------------------------------
@pytest.mark.parametrize(("what", "order"), [("encounter", True), ("encounter", False), ("order", True)])
# Its own hour, whichever it is, comes before the 31 days are over.
@pytest.mark.parametrize("days", [0, 5, 29])
def test_what_was_called_off_by_mistake_is_planned_again_when_it_is_seen(
    deps, hospital, tenant, what, order, days
):
    gone, *_ = [stands(deps, hospital, order=order) for _ in range(4)]
    hide(deps, [gone], what=what)
    _gone_for_good(deps, tenant)
    assert is_off(deps, gone)
    finish_withdrawing(deps)
    deps.client.hidden.clear()
    before = now(deps, gone).round
    for hour in range(25):
        deps.later = timedelta(days=days, hours=hour + 2)
        if not is_off(deps, gone):
            break
        look_after_stays(tenant, deps)
    assert (now(deps, gone).state, now(deps, gone).round) == (DischargeState.RECEIVED, before + 1)
    assert now(deps, gone).call_off is CallOff.NONE


def test_a_stay_that_is_gone_is_not_brought_back_by_its_order_alone(deps, hospital, tenant):
    gone, *_ = [stands(deps, hospital) for _ in range(4)]
    hide(deps, [gone])
    _gone_for_good(deps, tenant)
    finish_withdrawing(deps)
    for hours in range(2, 6):
        deps.later = timedelta(hours=hours)
        look_after_stays(tenant, deps)
    assert now(deps, gone).state is DischargeState.CANCELLED


def test_what_a_person_called_off_stays_so_whatever_is_seen(deps, hospital, tenant):
    gone, *_ = [stands(deps, hospital) for _ in range(4)]
    hide(deps, [gone])
    _gone_for_good(deps, tenant)
    finish_withdrawing(deps)
    intake(Trigger("one", gone.encounter, Action.CANCEL, "rest"), deps)
    deps.client.hidden.clear()
    look_after_stays(tenant, deps)
    look(gone.encounter, tenant, deps)
    look(gone.order, tenant, deps)
    assert now(deps, gone).state is DischargeState.CANCELLED


@pytest.mark.parametrize("order", [True, False])
def test_a_stay_called_off_by_words_comes_back_when_it_says_so(deps, hospital, tenant, order):
    discharge, *_ = [stands(deps, hospital, order=order) for _ in range(4)]
    put(hospital.base_url, hospital.read(discharge.encounter), status="cancelled")
    look_after_stays(tenant, deps)
    finish_withdrawing(deps)
    put(hospital.base_url, hospital.read(discharge.encounter), status="in-progress")
    look_after_stays(tenant, deps)
    assert now(deps, discharge).state is DischargeState.RECEIVED


# --- planning -----------------------------------------------------------------------------------
def _asked(deps, discharge):
    again = replace(now(deps, discharge).asked_again("", deps.now()))
    deps.store.discharges.save(again)
    return again


@pytest.mark.parametrize("error", [*ABSENT[:2], ABSENT[3], *NOT_LET], ids=_name)
@pytest.mark.parametrize("what", ["encounter", "patient"])
def test_a_stay_or_patient_not_shown_while_planning_is_planned_when_it_is_shown(
    deps, hospital, tenant, error, what
):
    discharge, *_ = [stands(deps, hospital) for _ in range(4)]
    patient = hospital.read(discharge.encounter)["subject"]["reference"]
    missing = discharge.encounter if what == "encounter" else patient
    _asked(deps, discharge)
    deps.client.hidden[missing] = error
    with pytest.raises(NotShown) as caught:
        run.plan_discharge(discharge.id, deps)
    assert caught.value.retryable
    run.give_up(discharge.id, Task.PLAN, caught.value.public_message, deps)
    assert now(deps, discharge).state is DischargeState.FAILED
    deps.client.hidden.clear()
    look(missing, tenant, deps)
    assert now(deps, discharge).state is DischargeState.RECEIVED
    assert Event.SEEN_AGAIN in [entry.event for entry in deps.store.audit.of(discharge.id)]


def test_a_stay_that_is_gone_while_its_plan_is_made_anew_is_called_off(deps, hospital):
    gone, *_ = [stands(deps, hospital) for _ in range(4)]
    _asked(deps, gone)
    hide(deps, [gone])
    with pytest.raises(NotShown):
        run.plan_discharge(gone.id, deps)
    deps.later = APART
    run.plan_discharge(gone.id, deps)
    assert now(deps, gone).state is DischargeState.CANCELLING


def test_a_stay_that_was_never_there_is_a_persons(deps, hospital):
    for _ in range(2):
        stands(deps, hospital)
    made = intake(Trigger("one", f"Encounter/{uuid4()}", Action.PLAN, "rest"), deps)
    assert made is not None
    with pytest.raises(NotShown, match="check it"):
        run.plan_discharge(made.id, deps)
    deps.later = APART
    with pytest.raises(UnknownEncounter):
        run.plan_discharge(made.id, deps)


# --- hints --------------------------------------------------------------------------------------
def _hint(deps, stay, order, **more):
    return intake(Trigger("one", stay, Action.PLAN, "subscription", order, hint=True, **more), deps)


@pytest.fixture
def ordered(deps, hospital, database_url):
    """A stay that nobody planned yet, with an order for it."""
    made = stands(deps, hospital)
    with psycopg.connect(database_url) as connection:
        connection.execute("TRUNCATE procrastinate_jobs, discharges CASCADE")
    for _ in range(2):
        stands(deps, hospital)
    return made


@pytest.mark.parametrize("status", ["revoked", "entered-in-error", "on-hold"])
def test_a_late_active_of_an_order_that_was_called_off_plans_nothing(
    deps, hospital, ordered, monkeypatch, status
):
    put(hospital.base_url, hospital.read(ordered.order), status=status)
    monkeypatch.setattr(run, "propose", _must_not_plan)
    made = _hint(deps, ordered.encounter, ordered.order)
    run.plan_discharge(made.id, deps)
    assert now(deps, made).state is DischargeState.CANCELLING


@pytest.mark.parametrize("error", [*ABSENT, *NOT_LET], ids=_name)
def test_an_order_of_which_only_a_notification_tells_is_not_planned_until_it_is_shown(
    deps, ordered, monkeypatch, error
):
    monkeypatch.setattr(run, "propose", _must_not_plan)
    made = _hint(deps, ordered.encounter, ordered.order)
    deps.client.hidden[ordered.order] = error
    with pytest.raises(NotShown):
        run.plan_discharge(made.id, deps)
    deps.client.hidden.clear()
    monkeypatch.setattr(run, "propose", _planned_for(ordered.encounter))
    run.plan_discharge(made.id, deps)
    assert now(deps, made).state is DischargeState.PLANNED


def test_an_order_that_is_gone_before_it_was_ever_planned_is_called_off(deps, ordered, monkeypatch):
    monkeypatch.setattr(run, "propose", _must_not_plan)
    made = _hint(deps, ordered.encounter, ordered.order)
    deps.client.hidden[ordered.order] = EhrRefused(status=404)
    with pytest.raises(NotShown):
        run.plan_discharge(made.id, deps)
    deps.later = APART
    run.plan_discharge(made.id, deps)
    assert now(deps, made).state is DischargeState.CANCELLING


def test_a_revocation_of_something_unknown_is_remembered(deps, hospital, tenant, ordered, database_url):
    put(hospital.base_url, hospital.read(ordered.order), status="revoked")
    revoked = Trigger("one", ordered.encounter, Action.CANCEL, "subscription", ordered.order, hint=True)
    assert intake(revoked, deps) is None
    assert _hint(deps, ordered.encounter, ordered.order) is None
    assert looks_waiting(database_url) == [ordered.order]
    look(ordered.order, tenant, deps)
    assert deps.store.discharges.of_stay("one", ordered.encounter) is None
    put(hospital.base_url, hospital.read(ordered.order), status="active")
    look(ordered.order, tenant, deps)
    assert deps.store.discharges.of_stay("one", ordered.encounter).order == ordered.order
    assert not deps.store.called_off_orders.knows("one", ordered.order)


def test_a_late_active_of_another_order_does_not_touch_the_plan_that_stands(
    deps, hospital, tenant, database_url
):
    discharge = stands(deps, hospital)
    other = hospital.create(
        {name: value for name, value in hospital.read(discharge.order).items() if name != "id"}
        | {"status": "revoked"}
    )
    _hint(deps, discharge.encounter, other)
    assert now(deps, discharge) == discharge
    assert looks_waiting(database_url) == [other]
    look(other, tenant, deps)
    assert now(deps, discharge) == discharge


def test_a_late_revocation_of_an_order_that_stands_is_undone_at_once(deps, hospital, tenant, database_url):
    discharge, *_ = [stands(deps, hospital) for _ in range(2)]
    intake(
        Trigger("one", discharge.encounter, Action.CANCEL, "subscription", discharge.order, hint=True), deps
    )
    assert is_off(deps, discharge)
    assert looks_waiting(database_url) == [discharge.order]
    look(discharge.order, tenant, deps)
    assert now(deps, discharge).state is DischargeState.RECEIVED


def _must_not_plan(*_, **_cited):
    raise AssertionError("nothing is planned here")


def _planned_for(encounter):
    plan = planned(need(interventions=interventions()))
    return lambda *_, **_cited: replace(plan, encounter=replace(plan.encounter, reference=encounter))


def test_an_order_told_of_while_the_ehr_does_not_show_it_yet_is_looked_at_again(deps, hospital, tenant):
    discharges = [stands(deps, hospital) for _ in range(2)]
    order = f"ServiceRequest/{uuid4()}"
    look(order, tenant, deps)
    [doubt] = deps.store.doubts.of("one")
    assert (doubt.reference, doubt.discharge) == (order, None)
    for minutes in (1, 3, 12):
        deps.later = timedelta(minutes=minutes)
        look(order, tenant, deps)
    assert order not in {doubt.reference for doubt in deps.store.doubts.of("one")}
    assert not any(is_off(deps, discharge) for discharge in discharges)


def test_no_doubt_is_weighed_by_what_is_itself_in_doubt(deps, hospital, tenant):
    """Of two stays that are gone neither proves the other's EHR to be well."""
    discharges = [stands(deps, hospital) for _ in range(2)]
    hide(deps, discharges)
    for later in (timedelta(), APART, UNPROVEN - timedelta(seconds=1)):
        deps.later = later
        look_after_stays(tenant, deps)
    assert deps.store.discharges.held("one") == ()
    deps.later = UNPROVEN
    look_after_stays(tenant, deps)
    assert len(deps.store.discharges.held("one")) == 2


# --- what an operator sees ----------------------------------------------------------------------
def test_an_operator_sees_what_is_held_and_releases_it(deps, hospital, tenant, operate):
    discharges = [stands(deps, hospital) for _ in range(6)]
    hide(deps, discharges[:5])
    hide(deps, discharges[5:], NOT_LET[1])
    for hours in range(26):
        deps.later = timedelta(hours=hours)
        look_after_stays(tenant, deps)
    [shown] = operate("brake", "list")["hospitals"]
    assert {held["discharge"] for held in shown["held"]} == {
        str(discharge.id) for discharge in discharges[:5]
    }
    assert {asked["why"] for asked in shown["asked"]} == {"absent", "not-let"}
    assert len(operate("brake", "release", "one")["released"]) == 5
    [after] = operate("brake", "list")["hospitals"]
    assert (after["closed"], len(after["held"])) == (None, 5)
