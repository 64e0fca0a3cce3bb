"""Consent → the sensitivity labels whose sharing with the care team the patient has agreed to.

Whatever cannot be understood to the end is no consent, and one refusal outweighs every permission.
"""

from collections.abc import Iterable
from datetime import UTC, date, tzinfo
from typing import Final

from fhir_mappings.inbound import dates
from fhir_mappings.inbound.codes import bare_codes
from fhir_mappings.inbound.elements import Json, first, items, text
from fhir_mappings.inbound.security import labels_of
from service.domain.sensitivity import NONE, Label, Labels, merge

_EVERYTHING: Final[Labels] = frozenset(Label)
_PRIVACY: Final = "patient-privacy"
_RELATIVE: Final = "RelatedPerson/"
_TREATMENT: Final = "TREAT"
_SHARING: Final = frozenset({"access", "disclose"})
#: Elements that narrow a permission to people, documents or times that we cannot tell apart.
_NARROWER: Final = frozenset({"actor", "class", "code", "dataPeriod", "data", "modifierExtension"})


def consented(resources: Iterable[Json], today: date | None, *, zone: tzinfo = UTC) -> Labels:
    """The labels that a patient's Consents permit for treatment on this day, less those that one of them refuses."""
    provisions = [first(one.get("provision")) for one in resources if _counts(one)]
    current = [provision for provision in provisions if _covers(provision, today, zone)]
    return merge(map(_permitted, current)) - merge(map(_refused, current))


def _counts(resource: Json) -> bool:
    return (
        resource.get("resourceType") == "Consent"
        and resource.get("status") == "active"
        and _PRIVACY in bare_codes(resource.get("scope"))
        and "modifierExtension" not in resource
    )


def _covers(provision: Json, today: date | None, zone: tzinfo) -> bool:
    """Whether it holds on this day; one without a period always does."""
    if not provision or "period" not in provision:
        return bool(provision)
    period = first(provision["period"])
    start, end = dates.day(period.get("start"), zone), dates.last_day(period.get("end"), zone)
    unreadable = (start is None and "start" in period) or (end is None and "end" in period)
    if today is None or unreadable:
        return text(provision.get("type")) == "deny"
    return (start or today) <= today <= (end or today)


def _permitted(provision: Json) -> Labels:
    if provision.get("type") != "permit" or provision.keys() & _NARROWER:
        return NONE
    purposes = {text(one.get("code")) for one in items(provision.get("purpose"))}
    actions = {code for one in items(provision.get("action")) for code in bare_codes(one)}
    if (purposes and _TREATMENT not in purposes) or (actions and not actions & _SHARING):
        return NONE
    return labels_of(items(provision.get("securityLabel")))


def _refused(provision: Json) -> Labels:
    """What it or an exception inside it refuses to the care team; without labels, everything."""
    inside = merge(map(_refused, items(provision.get("provision"))))
    if provision.get("type") != "deny" or _is_about_relatives(provision):
        return inside
    return inside | (labels_of(items(provision.get("securityLabel"))) or _EVERYTHING)


def _is_about_relatives(provision: Json) -> bool:
    """Whether it names nobody but people of the patient's own, who are not the care team."""
    whom = [text(first(actor.get("reference")).get("reference")) for actor in items(provision.get("actor"))]
    return bool(whom) and all(one.startswith(_RELATIVE) for one in whom)
