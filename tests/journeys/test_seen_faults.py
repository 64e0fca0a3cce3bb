"""What was once seen to go wrong between people and an EHR, played to real processes in each kind of EHR.

People click while the EHR is slow, it keeps no notes, answers 401, 403, 404 and 422 for a while, a nurse ticks an
activity. What is asserted stands in the EHR, read from inside.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
import requests

from benchmarks.faults.census import taken
from benchmarks.faults.clinician import finding, tick
from benchmarks.faults.deployment import KEY, Deployment, deployed
from benchmarks.faults.desk import Desk
from benchmarks.faults.judgement import Held, is_gone, words_of
from benchmarks.faults.rounds import BUSY
from benchmarks.faults.stays import Stay, admit
from fhir_mappings.references import reference_of
from service.domain.publication import WriteState
from service.sandbox.flaky import COUNTS
from service.sandbox.mode import FULL, KINDS, mode_of
from service.sandbox.spells import Asks, Spell, Trouble
from tests.processes import wait_until

Json = dict[str, Any]

WRITTEN = frozenset({"ServiceRequest", "DocumentReference"})
WORDS = "Groceries brought to the door"
STAYS = 4
#: An EHR that takes all and one that takes little; in the other kinds what lasts is played alone, as each takes its time.
in_two_kinds = pytest.mark.parametrize("house", [FULL, "epic-like"], indirect=True)


@dataclass
class Ward:
    """One stay with its published plan, as people see it on both sides."""

    deployment: Deployment
    stay: Stay
    discharge: UUID

    @property
    def desk(self) -> Desk:
        return Desk(self.deployment.url)

    # --- the EHR, from inside ---
    def ours(self) -> Sequence[Json]:
        return taken(self.deployment.hospital, [self.stay]).of(self.stay)

    def order_of(self, key: str) -> Json:
        """The ServiceRequest of an item; {} where this EHR takes none."""
        return Held(tuple(self.ours())).of(self.stay.patient.encounter, key) or {}

    def status(self, key: str) -> str:
        return str(self.order_of(key).get("status", ""))

    def words(self) -> str:
        """All that a reader gets to see of ours that stands."""
        return " ".join(words_of(resource) for resource in self.ours() if not is_gone(resource))

    def stands(self, key: str, words: str) -> bool:
        """Whether the approval has arrived: the order is active, or the lower rung has its words."""
        if order := self.order_of(key):
            return words in words_of(order) and str(order["status"]) == "active"
        return words in self.words()

    def is_declined(self, key: str, words: str) -> bool:
        order = self.order_of(key)
        return str(order["status"]) == "revoked" if order else words not in self.words()

    def tasks(self) -> list[Json]:
        return [resource for resource in self.ours() if resource["resourceType"] == "Task"]

    # --- Homeward ---
    def get(self, path: str) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            headers = {"Authorization": f"Bearer {KEY}"}
            answer = session.get(f"{self.deployment.url}{path}", headers=headers, timeout=30)
        answer.raise_for_status()
        return answer

    def told(self) -> Json:
        """As REST tells it."""
        found: Json = self.get(f"/api/v1/discharges/{self.discharge}").json()
        return found

    def page(self) -> str:
        """The page on which people decide."""
        return self.get(f"/discharges/{self.discharge}").text

    def is_published(self) -> bool:
        return bool(self.told()["state"] == "published")

    def standings(self) -> set[str]:
        return {item["standing"] for item in self.told()["landing"]}

    def items(self) -> list[Json]:
        """The referrals that nobody has decided about."""
        return [
            item
            for item in self.desk.items(self.discharge)
            if item["kind"] == "referral"
            and item["state"] == "proposed"
            and not item["existing"]
            and not item["sensitive"]
        ]

    def order(self, name: str) -> None:
        """The discharge is ordered (again), and the plan asked for."""
        patient = self.stay.patient
        at = self.deployment.deps.now()
        order = self.deployment.hospital.order_discharge(patient, at, name=f"{patient.id}-{name}")
        self.discharge = self.desk.ask(patient.encounter, order)

    # --- what goes wrong ---
    def cast(
        self,
        trouble: Trouble,
        asks: Asks = Asks.WRITES,
        types: frozenset[str] = WRITTEN,
        times: int = 0,
    ) -> None:
        self.deployment.cast([Spell(trouble, types, asks, times)], flaky=False)

    def met(self, trouble: Trouble) -> int:
        return int(self.deployment.hospital.read(COUNTS).get(trouble.value, 0))

    def wait_for(self, trouble: Trouble, before: int) -> None:
        wait_until(lambda: self.met(trouble) > before, f"meeting {trouble}")

    def recover(self, **amount: float) -> None:
        """All is well again, and time goes by once every try under way has ended and said when the next one is."""
        self.deployment.cast(flaky=False)
        database = self.deployment.deps.settings.database_url
        with psycopg.connect(database, autocommit=True, connect_timeout=10) as connection:
            wait_until(lambda: connection.execute(BUSY).fetchone() == (0,), "the end of what is under way")
        self.deployment.clock.advance(database=database, **amount)


@dataclass
class House:
    """wards are handed out, each to one test."""

    deployment: Deployment
    wards: list[Ward]
    kind: str


@pytest.fixture(scope="module", params=KINDS)
def house(request, tmp_path_factory, new_database) -> Iterator[House]:
    """A hospital with one kind of EHR, and Homeward beside it, with some published plans."""
    mode = replace(mode_of(request.param), spellbound=True)
    log = tmp_path_factory.mktemp("seen") / "homeward.log"
    with deployed(mode, log, new_database("template_for_tests")) as deployment:
        stays = list(admit(deployment.hospital.base_url, STAYS, datetime.now(UTC).date()))
        wards = [Ward(deployment, stay, UUID(int=0)) for stay in stays]
        for ward in wards:
            ward.order("order")
        wait_until(lambda: all(ward.is_published() for ward in wards), "the plans")
        yield House(deployment, wards, request.param)


@pytest.fixture
def clicked(house) -> Iterator[Ward]:
    """The plan about which people click; it has enough items for all."""
    yield house.wards[0]
    house.deployment.cast(flaky=False)


def no_task_is_out_on_a_draft(ward: Ward) -> None:
    open_tasks = [
        task for task in ward.tasks() if task["intent"] == "order" and task["status"] == "requested"
    ]
    for task in open_tasks:
        assert ward.deployment.hospital.read(task["focus"]["reference"])["status"] != "draft"


# --- two runs over one row -------------------------------------------------------------------------
@in_two_kinds
def test_an_approval_while_the_first_write_is_under_way_arrives(clicked):
    key, before = clicked.items()[0]["key"], clicked.met(Trouble.SLOW)
    clicked.cast(Trouble.SLOW)
    assert clicked.desk.reword(clicked.discharge, key, WORDS)
    clicked.wait_for(Trouble.SLOW, before)
    assert clicked.desk.decide(clicked.discharge, key, "approve")
    wait_until(lambda: clicked.stands(key, WORDS) and clicked.is_published(), "the approval")
    no_task_is_out_on_a_draft(clicked)
    assert "theirs" not in clicked.standings()


@in_two_kinds
def test_a_decline_while_the_approval_is_under_way_leaves_no_order(clicked):
    key, before = clicked.items()[0]["key"], clicked.met(Trouble.SLOW)
    words = "Groceries to be declined"
    assert clicked.desk.reword(clicked.discharge, key, words)
    wait_until(clicked.is_published, "the new words")
    assert words in clicked.words()
    clicked.cast(Trouble.SLOW)
    assert clicked.desk.decide(clicked.discharge, key, "approve")
    if clicked.order_of(key):
        clicked.wait_for(Trouble.SLOW, before)
    assert clicked.desk.decide(clicked.discharge, key, "decline")
    wait_until(lambda: clicked.is_declined(key, words) and clicked.is_published(), "the decline")
    no_task_is_out_on_a_draft(clicked)
    order = clicked.order_of(key)
    focused = [
        task for task in clicked.tasks() if order and task["focus"]["reference"] == reference_of(order)
    ]
    assert {task["status"] for task in focused} <= {"cancelled"}


# --- a moment's 404 --------------------------------------------------------------------------------
@in_two_kinds
@pytest.mark.parametrize("trouble", [Trouble.NOT_FOUND, Trouble.NOT_FOUND_PAGE])
def test_a_moment_in_which_nothing_is_found_removes_nothing(clicked, trouble):
    key, before = clicked.items()[0]["key"], clicked.met(trouble)
    words = f"Groceries in spite of {trouble.value}"
    clicked.cast(trouble, Asks.ALL)
    assert clicked.desk.reword(clicked.discharge, key, words)
    assert clicked.desk.decide(clicked.discharge, key, "approve")
    clicked.wait_for(trouble, before)
    wait_until(lambda: "waiting" in clicked.standings(), "that it waits")
    assert not clicked.is_published()
    assert "theirs" not in clicked.standings()
    clicked.recover(minutes=10)
    wait_until(lambda: clicked.stands(key, words) and clicked.is_published(), "the approval")
    assert "theirs" not in clicked.standings()


# --- refused for a moment --------------------------------------------------------------------------
@pytest.mark.parametrize("trouble", [Trouble.UNAUTHORIZED, Trouble.FORBIDDEN])
def test_an_approval_that_is_refused_for_a_moment_waits_and_arrives(clicked, trouble):
    key, before = clicked.items()[0]["key"], clicked.met(trouble)
    words = f"Groceries in spite of {trouble.value}"
    clicked.cast(trouble)
    assert clicked.desk.reword(clicked.discharge, key, words)
    assert clicked.desk.decide(clicked.discharge, key, "approve")
    clicked.wait_for(trouble, before)
    assert not clicked.is_published()
    assert "waiting" in clicked.standings()
    assert "waiting" in clicked.page()
    clicked.recover(minutes=10)
    wait_until(lambda: clicked.stands(key, words) and clicked.is_published(), "the approval")


# --- sentences are no state ------------------------------------------------------------------------
@in_two_kinds
@pytest.mark.parametrize(
    ("place", "trouble"),
    [(1, Trouble.NOTES_LEFT_OUT), (2, Trouble.NOTES_ENDED)],
    ids=["no notes", "newlines"],
)
def test_an_order_on_hold_is_active_again_however_the_ehr_keeps_notes(house, place, trouble):
    ward = house.wards[place]
    key, words = ward.items()[0]["key"], "Groceries after a pause"
    ward.cast(trouble, types=frozenset())
    assert ward.desk.reword(ward.discharge, key, words)
    assert ward.desk.decide(ward.discharge, key, "approve")
    wait_until(lambda: ward.stands(key, words) and ward.is_published(), "the approval")
    had_order = bool(ward.order_of(key))
    assert ward.desk.call_off(ward.discharge)
    wait_until(lambda: not ward.stands(key, words), "the hold")
    wait_until(lambda: ward.told()["state"] == "cancelled", "calling off")
    assert not had_order or ward.status(key) == "on-hold"
    asking = {
        task["id"] for task in ward.tasks() if task["intent"] != "order" and task["status"] == "requested"
    }
    ward.order("again")

    def is_back() -> bool:
        closed = [task for task in ward.tasks() if task["id"] in asking and task["status"] != "requested"]
        back = ward.stands(key, words)
        assert back or not closed, "the task about the hold was closed before the order was active"
        return bool(back and ward.is_published())

    wait_until(is_back, "the order that is active again")
    assert {task["status"] for task in ward.tasks() if task["id"] in asking} <= {"completed", "cancelled"}
    assert bool(asking) is (house.kind == FULL)
    entries = ward.deployment.deps.store.publications.entries(ward.discharge)
    assert WriteState.THEIRS not in {entry.state for entry in entries}
    house.deployment.cast(flaky=False)


# --- a person's edits ------------------------------------------------------------------------------
def plan_of(ward: Ward) -> Json:
    """What carries our verdict: the CarePlan, else the document."""
    found = {resource["resourceType"]: resource for resource in ward.ours() if not is_gone(resource)}
    return found.get("CarePlan") or found["DocumentReference"]


@in_two_kinds
def test_a_plan_with_a_ticked_activity_goes_on_following_us(house):
    ward = house.wards[3]
    before = plan_of(ward)
    assert "Food insecurity" not in words_of(before)
    edit = tick(ward.deployment.hospital, ward.ours(), 0)
    assert edit is not None
    finding(ward.deployment.hospital, ward.stay)
    ward.order("again")

    def follows() -> bool:
        return "Food insecurity" in words_of(ward.deployment.hospital.read(reference_of(before)))

    wait_until(lambda: follows() and ward.is_published(), "the new need")
    assert edit.stands_in(ward.deployment.hospital.read(edit.reference))


# --- refused for what it says; last, for a day goes by ---------------------------------------------
@in_two_kinds
def test_an_approval_whose_content_is_refused_is_told_as_refused_and_arrives_when_it_is_taken(clicked):
    key, words = clicked.items()[0]["key"], "Groceries in spite of 422"
    assert "refused" not in clicked.page()
    clicked.cast(Trouble.UNPROCESSABLE)
    assert clicked.desk.reword(clicked.discharge, key, words)
    assert clicked.desk.decide(clicked.discharge, key, "approve")
    wait_until(lambda: "refused" in clicked.standings(), "that it is refused")
    assert not clicked.stands(key, words)
    assert "refused" in clicked.page()
    clicked.recover(days=1, minutes=10)
    wait_until(lambda: clicked.stands(key, words) and clicked.is_published(), "the approval")
