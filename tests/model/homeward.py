"""Homeward without its database: a plan, what people decided about it, the ledger in memory, and the jobs that write."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from config.tenants import Tenant
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.further import called_off_resources
from fhir_mappings.outbound.lower import lower_resources
from fhir_mappings.outbound.notice import notice_resources
from fhir_mappings.outbound.plan import plan_resources
from service.domain.absence import Conclusion, Doubt, Look, Shown, conclude
from service.domain.assessment import Readiness, Verdict
from service.domain.community_service import Matches
from service.domain.decision import WHOLE_PLAN, Choice, Decision
from service.domain.evidence import Evidence
from service.domain.plan import Plan
from service.domain.protocol import EducationTemplate, GoalTemplate
from service.domain.publication import Draft
from service.errors import EhrError
from service.pipeline.decide import decide, state_of
from service.pipeline.publishing.publish import Way, publish, withdraw
from tests import builders as a
from tests.model.fake_ehr import BASE, Crash, FakeClient, FakeEhr

Json = dict[str, Any]

AUTHOR: Final = Author("Homeward", "Example Hospital", "Organization/1")
NOW: Final = datetime(2024, 3, 5, 9, 30, tzinfo=UTC)
TENANT: Final = Tenant(id="example", fhir_base_url=BASE, organization="Example", requests_per_second=1e6)
PAGE: Final = "https://homeward.example/discharges/1"
PANTRY: Final = "referral:food-pantry"
RIDES: Final = "referral:rides"
DECIDABLE: Final = (PANTRY, RIDES, "goal:food-insecurity:enough", "care-plan")
VARIANTS: Final = 4


@cache
def proposal(variant: int) -> Plan:
    """The plan that is proposed: other words, another verdict, one need less."""
    seen = Evidence("Observation/1", None, None, "Food did not last")
    goal = GoalTemplate("enough", f"Eats {variant + 1} meals a day", 30, target="Asked again: yes")
    lesson = EducationTemplate("how", "How to use rides", patient_text="Learn")
    food = a.need(evidence=(a.evidence("Z59.41"), seen), interventions=a.interventions(goals=(goal,)))
    ride = a.need(
        "transportation", evidence=(seen,), interventions=a.interventions("rides", education=(lesson,))
    )
    needs = (food,) if variant == VARIANTS - 1 else (food, ride)
    verdict = Verdict.NOT_READY if variant % 2 else Verdict.WITH_CAVEATS
    pantry = Matches((("food-pantry", (a.match(),)),))
    return a.planned(*needs, matches=pantry, readiness=Readiness(verdict))


@cache
def resources(variant: int, decisions: tuple[Decision, ...]) -> tuple[Plan, tuple[Draft, ...]]:
    """The plan as decided, and its drafts."""
    plan = decide(proposal(variant), decisions)
    return plan, plan_resources(plan, author=AUTHOR, recorded=NOW)


@dataclass(slots=True)
class Homeward:
    """One discharge. job is what is due: "publish", "withdraw" or "" for nothing."""

    server: FakeEhr
    variant: int = 0
    decisions: tuple[Decision, ...] = ()
    is_called_off: bool = False
    was_called_off: bool = False
    job: str = "publish"
    ledger: a.MemoryLedger = field(default_factory=a.MemoryLedger)
    client: FakeClient | None = None
    problems: list[str] = field(default_factory=list)
    #: Whether a person has signed the plan as it stands.
    signed: bool = False
    #: What the EHR dropped without a word, by type.
    vanished: dict[str, frozenset[str]] = field(default_factory=dict)
    at: datetime = NOW
    doubts: dict[str, Doubt | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._want()

    @property
    def plan(self) -> Plan:
        """The plan as people decided."""
        return resources(self.variant, self.decisions)[0]

    @property
    def wishes(self) -> Sequence[Draft]:
        """What is to stand in the EHR, on its own rungs."""
        return resources(self.variant, self.decisions)[1]

    def may_decide(self, key: str, choice: Choice) -> bool:
        """Whether the page would offer this."""
        allowed = {
            "proposed": {Choice.APPROVED, Choice.DECLINED},
            "approved": {Choice.DECLINED},
            "declined": {Choice.REOPENED},
        }
        known = key == "care-plan" or any(
            item.key == key for item in (*self.plan.items(), *self.plan.declined.items())
        )
        return known and not self.is_called_off and choice in allowed[state_of(self.plan, key)]

    def decide(self, key: str, choice: Choice) -> None:
        """A person decides on the page."""
        act = a.decision(key, choice, reason=f"act {len(self.decisions)}")
        self.decisions = (*self.decisions, act)
        if key == WHOLE_PLAN:
            self.signed = choice is Choice.APPROVED
        self._want()

    def replan(self, variant: int) -> None:
        """The record has changed, and another plan is proposed."""
        self.signed &= variant == self.variant
        self.variant = variant
        self._want()

    def call_off(self) -> None:
        """The discharge is cancelled."""
        self.is_called_off = self.was_called_off = True
        self.job = "withdraw"

    def order_again(self) -> None:
        """A new discharge order comes."""
        self.is_called_off = False
        self._want()

    def run(self) -> bool:
        """Run the job that is due, as a worker does; return True if it came to its end. A crash is a new process."""
        client = self.client = self.client or FakeClient(TENANT, self.server)
        try:
            if self.job == "withdraw":
                withdraw(
                    self.ledger,
                    client,
                    author=AUTHOR,
                    recorded=NOW,
                    at=self.at,
                    weigh=self._weigh,
                    called_off=self.called_off,
                )
            elif self.job == "publish":
                publish(self.ledger, client, way=self.way())
        except EhrError as error:
            self.problems.append(type(error).__name__)
            return False
        except Crash:
            self.client = None
            return False
        self.job = ""
        return True

    def pass_time(self, hours: int = 1) -> None:
        """So long that what waits for a time is due; a new client knows nothing of what went wrong."""
        self.client = None
        self.server.catch_up()
        self.at += timedelta(hours=hours)

    def way(self) -> Way:
        """How the plan is published as it stands."""
        return Way(
            author=AUTHOR,
            recorded=NOW,
            at=self.at,
            lower=lambda: lower_resources(self.plan, author=AUTHOR, recorded=NOW),
            notice=lambda: notice_resources(self.plan, page=PAGE, author=AUTHOR, recorded=NOW),
            weigh=self._weigh,
            is_signed=lambda _: self.signed,
            vanished=lambda: self.vanished,
            tell_vanished=self._tell_vanished,
        )

    def _tell_vanished(self, kind: str, names: Collection[str]) -> None:
        self.vanished[kind] = self.vanished.get(kind, frozenset()) | frozenset(names)

    def called_off(self) -> Sequence[Draft]:
        """What says of a note that it holds no longer."""
        return called_off_resources(self.plan, "The patient stays.", author=AUTHOR, recorded=NOW)

    def _weigh(self, look: Look) -> Conclusion:
        """As the store keeps looks; whether the EHR is well is known from a resource of another patient."""
        is_healthy = look.is_healthy or (look.shown is Shown.ABSENT and self.server.is_well())
        conclusion, doubt = conclude(
            replace(look, is_healthy=is_healthy), self.doubts.get(look.reference), self.at
        )
        self.doubts[look.reference] = doubt
        return conclusion

    def _want(self) -> None:
        self.ledger.want(self.wishes)
        if not self.is_called_off:
            self.job = "publish"
