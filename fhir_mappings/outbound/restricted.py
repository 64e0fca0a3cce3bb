"""Sensitive referrals and goals → resources of their own, each with its labels in meta.security.

Only for a hospital that vouches for its EHR showing them to nobody else, and only what the patient agreed to have shared. The
CarePlan does not know of them, nor does anything else that is read whole.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from fhir_mappings import systems
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.drafts import named, unnamed
from fhir_mappings.outbound.elements import Json, coding
from fhir_mappings.outbound.plan import parts, signatures, tasks
from fhir_mappings.outbound.provenance import provenance_body
from fhir_mappings.outbound.references import Names
from service.domain.plan import Plan
from service.domain.publication import Draft
from service.domain.sensitivity import Labels, merge

RESTRICTED_PROVENANCE_KEY: Final = "restricted-provenance"
_RESTRICTED: Final = coding(systems.CONFIDENTIALITY, "R", "restricted")


def restricted_resources(plan: Plan, *, author: Author, recorded: datetime) -> tuple[Draft, ...]:
    """Goals, ServiceRequests, the Tasks of those a person approved, and their Provenance, as drafts.

    Nothing where the patient has agreed to nothing. InvalidResource if one of them would not be valid FHIR.
    """
    told = plan.restricted()
    names = Names(plan.tenant, plan.encounter.reference)
    labels = {item.key: item.labels for item in (*told.referrals, *told.goals, *told.declined.items())}
    drafts = [
        named(names, key, marked(body, labels[key]), plan, page=author.page)
        for key, body in parts(told, author, names)
    ]
    if not drafts:
        return ()
    everything = merge(labels.values())
    source = provenance_body(
        told,
        [draft.full_url for draft in drafts],
        author=author,
        recorded=recorded,
        identifier=names.identifier(RESTRICTED_PROVENANCE_KEY),
    )
    made = unnamed(names, RESTRICTED_PROVENANCE_KEY, marked(source, everything), plan, page=author.page)
    asked = [
        named(names, key, marked(body, _labels_of_focus(body, labels, names)), plan, page=author.page)
        for key, body in tasks(told, author, names)
    ]
    # What a person signed at one time may be about both kinds; each kind has its own Provenance.
    signed = signatures(told, (*drafts, *asked), author=author, names=names, prefix="restricted-signature")
    acts = [unnamed(names, key, marked(body, everything), plan, page=author.page) for key, body in signed]
    return (*drafts, made, *asked, *acts)


def marked(body: Json, labels: Labels) -> Json:
    """The same resource, restricted and with these labels."""
    named_by = [coding(systems.ACT_CODE, str(label)) for label in sorted(labels)]
    return body | {"meta": body.get("meta", {}) | {"security": [_RESTRICTED, *named_by]}}


def _labels_of_focus(task: Json, labels: Mapping[str, Labels], names: Names) -> Labels:
    """A Task is as sensitive as the request it is about."""
    focus = task["focus"]["reference"]
    return next(found for key, found in labels.items() if names.full_url(key) == focus)
