"""Two hospitals whose stays stand in one EHR: each stay has one plan, of the hospital whose it is, whatever tells of it."""

import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from config.directory_file import load_directory
from config.settings import load_settings
from service.bootstrap import build_deps
from service.domain.audit import AuditEntry, Event
from service.domain.claims import UnclaimedReason
from service.domain.discharge import Action, DischargeState, Trigger
from service.errors import ConfigurationError
from service.pipeline.claimed_intake import look_at_unclaimed
from service.pipeline.intake import intake
from service.pipeline.look import look
from service.pipeline.orders import searchable
from service.pipeline.rounds import look_after_stays, search_since_last
from service.sandbox.ehr import start_sandbox
from service.sandbox.hospital import Hospital
from service.sandbox.inpatients import load_inpatients
from service.sandbox.mode import mode_of

NORTH, SOUTH = "north", "south"
FILTERS = {
    NORTH: "{organizations: [Organization/north]}",
    SOUTH: "{organizations: [Organization/south], locations: [Location/south-house]}",
}
_TENANT = """\
  - id: {name}
    fhir_base_url: {url}
    organization: Hospital {name}
    stays: {stays}
"""


@pytest.fixture(scope="module", params=["full", "epic-like", "oracle-like"])
def ehr(request, tmp_path_factory):
    """A health system's EHR with its inpatients, who are everybody's until a test says whose they are."""
    with start_sandbox(tmp_path_factory.mktemp("sandbox"), mode=mode_of(request.param)) as running:
        hospital = Hospital(running.base_url)
        patients = list(load_inpatients(running.base_url, datetime.now(UTC).date()))
        for name in (NORTH, SOUTH, "other"):
            hospital.put({"resourceType": "Organization", "id": name, "name": f"Hospital {name}"})
        wing = {"resourceType": "Organization", "id": "wing", "partOf": {"reference": "Organization/south"}}
        hospital.put({**wing, "name": "Wing"})
        house = {"resourceType": "Location", "id": "south-house", "name": "House"}
        hospital.put(house)
        hospital.put(
            {**house, "id": "south-bed", "name": "Bed", "partOf": {"reference": "Location/south-house"}}
        )
        hospital.put(
            {**house, "id": "north-bed", "managingOrganization": {"reference": "Organization/north"}}
        )
        yield hospital, patients


@pytest.fixture
def patients(ehr):
    return ehr[1]


@pytest.fixture
def hospital(ehr):
    return ehr[0]


@pytest.fixture
def deps(ehr, new_database, tmp_path):
    file = tmp_path / "tenants.yaml"
    listed = [_TENANT.format(name=name, url=ehr[0].base_url, stays=stays) for name, stays in FILTERS.items()]
    file.write_text("tenants:\n" + "".join(listed))
    settings = {
        "HOMEWARD_DATABASE_URL": new_database("template_for_tests"),
        "HOMEWARD_TENANTS_FILE": str(file),
    }
    with ExitStack() as stack:
        made = build_deps(load_settings(settings))
        stack.callback(made.store.close)
        for name in FILTERS:
            made.store.directory.load(name, load_directory())
            stack.callback(made.ehr(name).close)
        yield made


def belongs(hospital, patient, organization="", *beds):
    """The stay names this organization and these beds, and nothing else of whose it is."""
    stay = hospital.read(patient.encounter)
    stay.pop("serviceProvider", None)
    stay.pop("location", None)
    if organization:
        stay["serviceProvider"] = {"reference": f"Organization/{organization}"}
    if beds:
        stay["location"] = [
            {"location": {"reference": f"Location/{bed}"}, "status": "active"} for bed in beds
        ]
    hospital.put(stay)


def tell_both(deps, order):
    """As each hospital's Subscription tells it of every order of the EHR."""
    for tenant in deps.tenants.values():
        look(order, tenant, deps)


def work(deps):
    deps.jobs.work(until_idle=True)


def reads_organizations(deps):
    """Whether it can be read what an organization is a part of; the vendors of the sandbox keep that from us."""
    return deps.ehr(NORTH).capability().can("Organization", "read")


def wait_for(deps, patient, states):
    """Until the stay's discharges are in these states: the plan of one hospital waits for the other's to be withdrawn."""
    deadline = time.monotonic() + 30
    while found(deps, patient) != states:
        assert time.monotonic() < deadline, found(deps, patient)
        work(deps)


def found(deps, patient):
    """The states of the stay's discharges, by hospital."""
    known = {name: deps.store.discharges.of_stay(name, patient.encounter) for name in deps.tenants}
    return {name: discharge.state for name, discharge in known.items() if discharge}


def plans(hospital, patient):
    """What stands in the EHR of ours, without what was revoked: the CarePlans, else the documents in their place."""
    kinds = ("CarePlan", "DocumentReference")
    off = {"revoked", "entered-in-error"}
    ours = [
        resource
        for kind in kinds
        for resource in hospital.ours(patient, kind)
        if resource["status"] not in off
    ]
    return [resource for resource in ours if resource.get("docStatus") != "entered-in-error"]


def test_each_stay_is_planned_by_the_hospital_whose_it_is(deps, hospital, patients):
    whose = {NORTH: patients[0], SOUTH: patients[1]}
    belongs(hospital, whose[NORTH], "north", "north-bed")
    belongs(hospital, whose[SOUTH], "wing" if reads_organizations(deps) else "south")
    for patient in whose.values():
        tell_both(deps, hospital.order_discharge(patient, datetime.now(UTC)))
    work(deps)
    for name, patient in whose.items():
        assert found(deps, patient) == {name: DischargeState.PUBLISHED}
    assert deps.store.unclaimed.count() == {}


@pytest.mark.parametrize("ehr", ["full"], indirect=True)  # the others cannot be searched for orders
def test_polling_finds_each_order_for_its_own_hospital(deps, hospital, patients):
    assert searchable(deps.ehr(NORTH).capability(), deps.tenants[NORTH])
    belongs(hospital, patients[2], "", "north-bed")  # by who manages the bed
    belongs(hospital, patients[3], "", "south-bed")  # by the house that the bed is in
    for patient in patients[2:4]:
        hospital.order_discharge(patient, datetime.now(UTC))
    for tenant in deps.tenants.values():
        search_since_last(tenant, deps)
    work(deps)
    assert found(deps, patients[2]) == {NORTH: DischargeState.PUBLISHED}
    assert found(deps, patients[3]) == {SOUTH: DischargeState.PUBLISHED}


@pytest.mark.parametrize(
    ("whose", "reason"),
    [
        (("other",), UnclaimedReason.ANOTHER_ORGANIZATION),
        (("",), UnclaimedReason.NAMES_NOTHING),
        (("gone",), UnclaimedReason.UNREADABLE),
        (("north", "south-house"), UnclaimedReason.CONTESTED),
    ],
)
def test_a_stay_of_nobody_or_of_two_is_planned_by_none_until_it_is_one_hospitals(
    deps, hospital, patients, whose, reason
):
    patient = patients[4]
    belongs(hospital, patient, *[state for state in whose if state != "gone"])
    if whose == ("gone",):
        stay = hospital.read(patient.encounter)
        hospital.put({**stay, "serviceProvider": {"identifier": {"value": "unknown"}, "display": "Unknown"}})
    tell_both(deps, hospital.order_discharge(patient, datetime.now(UTC)))
    tell_both(deps, hospital.order_discharge(patient, datetime.now(UTC)))
    work(deps)
    assert found(deps, patient) == {}
    if not reads_organizations(deps) and whose == ("other",):
        reason = UnclaimedReason.UNREADABLE  # it may be part of one that is claimed
    assert deps.store.unclaimed.count() == {(NORTH, reason): 1, (SOUTH, reason): 1}
    told = f"{reason.value} {patient.encounter}"
    assert deps.store.audit.knows(AuditEntry(deps.now(), NORTH, "look", Event.UNCLAIMED, None, told))
    belongs(hospital, patient, "south")
    object.__setattr__(deps, "now", lambda: datetime.now(UTC) + timedelta(minutes=2))
    look_at_unclaimed(deps)
    work(deps)
    assert found(deps, patient) == {SOUTH: DischargeState.PUBLISHED}
    assert deps.store.unclaimed.count() == {}


def test_a_stay_that_goes_to_another_hospital_is_handed_over_once(deps, hospital, patients):
    patient = patients[5]
    belongs(hospital, patient, "north")
    tell_both(deps, hospital.order_discharge(patient, datetime.now(UTC)))
    work(deps)
    assert found(deps, patient) == {NORTH: DischargeState.PUBLISHED}
    belongs(hospital, patient, "south")
    for _ in range(2):
        tell_both(deps, patient.encounter)
        wait_for(deps, patient, {NORTH: DischargeState.CANCELLED, SOUTH: DischargeState.PUBLISHED})
    belongs(hospital, patient, "north")
    look_after_stays(deps.tenants[SOUTH], deps)
    wait_for(deps, patient, {NORTH: DischargeState.PUBLISHED, SOUTH: DischargeState.CANCELLED})
    if deps.ehr(NORTH).capability().can("CarePlan", "create"):
        assert len(plans(hospital, patient)) == 1


def test_what_a_program_asks_of_the_wrong_hospital_waits_for_a_person(deps, hospital, patients):
    patient = patients[6]
    belongs(hospital, patient, "south")
    asked = intake(Trigger(NORTH, patient.encounter, Action.PLAN, "rest"), deps)
    work(deps)
    assert found(deps, patient) == {NORTH: DischargeState.FAILED}
    assert asked is not None
    assert "stays" in deps.store.discharges.get(asked.id).problem
    assert plans(hospital, patient) == []


def test_what_was_planned_twice_before_there_were_filters_is_planned_once(deps, hospital, patients):
    patient = patients[7]
    belongs(hospital, patient, "")
    shared = deps.tenants
    order = hospital.order_discharge(patient, datetime.now(UTC))
    object.__setattr__(
        deps, "tenants", {name: replace(tenant, stays=None) for name, tenant in shared.items()}
    )
    tell_both(deps, order)
    work(deps)
    assert found(deps, patient) == dict.fromkeys(shared, DischargeState.PUBLISHED)
    object.__setattr__(deps, "tenants", shared)
    belongs(hospital, patient, "south")
    for tenant in shared.values():
        look_after_stays(tenant, deps)
    wait_for(deps, patient, {NORTH: DischargeState.CANCELLED, SOUTH: DischargeState.PUBLISHED})


def test_without_filters_the_start_is_refused(ehr, tmp_path):
    file = tmp_path / "tenants.yaml"
    listed = [
        _TENANT.format(name=name, url=url, stays="{}")
        for name, url in ((NORTH, ehr[0].base_url), (SOUTH, ehr[0].base_url + "/"))
    ]
    file.write_text("tenants:\n" + "".join(listed).replace("    stays: {}\n", ""))
    with pytest.raises(ConfigurationError, match=r"tenants\.yaml: the tenants north and south"):
        build_deps(load_settings({"HOMEWARD_TENANTS_FILE": str(file)}))
