"""Two wishes for each resource type that we write: as it was sent, and as it is wanted after the plan has changed."""

import base64
import re
from datetime import UTC, datetime
from typing import Any

from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.lower import lower_resources
from fhir_mappings.outbound.plan import plan_resources
from fhir_mappings.references import resolved
from service.domain.assessment import Readiness, Verdict
from service.domain.community_service import Matches
from service.domain.evidence import Evidence
from service.domain.plan import Plan
from service.domain.protocol import EducationTemplate, GoalTemplate
from service.pipeline.decide import decide
from tests import builders as a

Json = dict[str, Any]

RECORDED = datetime(2024, 3, 5, 9, 30, tzinfo=UTC)
_AUTHOR = Author("Homeward", "Example Hospital", "Organization/1")
_PANTRY = Matches((("food-pantry", (a.match(),)),))
_SCREENED = Evidence("Observation/1", None, None, "Food did not last")


def _bodies(plan: Plan) -> dict[str, Json]:
    """The bodies of a plan by key, lower rungs included, with references as an EHR gives them."""
    drafts = [
        *plan_resources(plan, author=_AUTHOR, recorded=RECORDED),
        *lower_resources(plan, author=_AUTHOR, recorded=RECORDED),
    ]
    names = {draft.full_url: f"{draft.resource_type}/{draft.full_url[-12:]}" for draft in drafts}
    return {draft.key: resolved(draft.body, names) for draft in drafts}


def _plan(service: str, verdict: Verdict, goal: str) -> Plan:
    """A plan for a patient who runs out of food and needs a ride."""
    food = a.need(
        evidence=(a.evidence("Z59.41"), _SCREENED),
        interventions=a.interventions(
            goals=(GoalTemplate("enough", goal, 30, target="Asked again: yes"),),
            education=(EducationTemplate("how", f"How to use {service}", patient_text="Learn"),),
        ),
    )
    ride = a.need("transportation", evidence=(_SCREENED,), interventions=a.interventions("rides"))
    return a.planned(food, ride, matches=_PANTRY, readiness=Readiness(verdict))


_APPROVALS = [a.decision("referral:food-pantry"), a.decision("referral:rides")]
_FIRST = _plan("pantry", Verdict.WITH_CAVEATS, "Has enough to eat")
_SECOND = _plan("kitchen", Verdict.NOT_READY, "Eats three meals a day")
#: Every body of a plan with approved referrals, and of the plan that takes its place.
SENT = _bodies(decide(_FIRST, _APPROVALS))
WANTED = _bodies(decide(_SECOND, [*_APPROVALS, a.decision("care-plan")]))


def reword(part: Any, name: str = "") -> Any:
    """The same body as another plan would want it: other days, other words, other contents; the same items."""
    if isinstance(part, dict):
        return {key: reword(value, key) for key, value in part.items()}
    if isinstance(part, list):
        return [reword(item, name) for item in part]
    if name == "data":
        return base64.b64encode(f"Not ready: {part[:9]}".encode()).decode()
    if isinstance(part, str) and name in _WORDED:
        return (
            part.replace("</div>", "<p>Not ready: no confirmed place to go to</p></div>")
            if name == "div"
            else f"{part} (new)"
        )
    if isinstance(part, str) and _DAY.match(part):
        return part.replace("2024-03-0", "2024-06-0").replace("2024-04-0", "2024-07-0")
    return part


_WORDED = {"div", "detailString", "patientInstruction", "contentString"}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
