"""Services to ask for: one referral for each service, unless an open one would tell of a sensitive need."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

from service.domain.community_service import Matches
from service.domain.need import Need
from service.domain.plan import PersonTask, Referral
from service.domain.protocol import NeedKind, ReferralTemplate, Urgency
from service.domain.sensitivity import Label
from service.pipeline.draft.keys import referral_key
from service.pipeline.draft.standing import Cover, Standing

_URGENCIES = list(Urgency)
#: Services whose name says where the patient will be at night.
_WHERE_ONE_SLEEPS = frozenset({"emergency-shelter", "medical-respite"})
#: What may wait longer than this is not made urgent by the need that asks for it.
_SOON_DAYS = 14
#: An order's name is told as far as it fits a line.
_LONGEST_NAME = 100
#: Gravity's category for a social need that has no domain of its own.
_UNSPECIFIED = "sdoh-category-unspecified"


def referrals(
    needs: Iterable[Need], matches: Matches, standing: Standing, *, discharge: date
) -> tuple[Referral, ...]:
    """One for each service and audience, the most urgent first; what is ordered already says so."""
    asked: dict[str, Referral] = {}
    for need in needs:
        for template in need.interventions.referrals:
            referral = _referral(need, template, discharge)
            asked[referral.key] = _merged(asked.get(referral.key, referral), referral)
    uses = Counter(referral.code for referral in asked.values())
    found = [
        _with_order(_with_services(referral, matches), standing, distinct=uses[referral.code] == 1)
        for referral in asked.values()
    ]
    return tuple(sorted(found, key=_most_urgent_first))


def with_hidden_places(referrals: Iterable[Referral]) -> tuple[Referral, ...]:
    """Nothing on paper and nothing shared says where the patient will sleep: who is beaten is looked for there.

    The services carry the label of a shelter in every plan, so that hiding one tells nothing; staff who may see it
    still find their names.
    """
    return tuple(
        _hidden(referral) if referral.service in _WHERE_ONE_SLEEPS else referral for referral in referrals
    )


def searches_for_services(referrals: Iterable[Referral], *, discharge: date) -> tuple[PersonTask, ...]:
    """Nothing was found in the community: a person looks further, and the plan says so."""
    return tuple(
        PersonTask(
            key=f"task:{referral.key}",
            need=referral.need,
            text=f"No community service was found for: {referral.title}. Look further and record the result.",
            owner="social worker",
            due=min(referral.due, discharge),
            labels=referral.labels,
        )
        for referral in referrals
        if referral.community and not referral.community_services and not referral.existing
    )


def _hidden(referral: Referral) -> Referral:
    offers = tuple(
        replace(one, service=replace(one.service, labels=one.service.labels | {Label.SSP}))
        for one in referral.community_services
    )
    return replace(referral, community_services=offers)


def _referral(need: Need, template: ReferralTemplate, discharge: date) -> Referral:
    labels = need.labels | template.labels
    return Referral(
        key=referral_key(template.service, labels),
        need=need.code,
        service=template.service,
        title=template.title,
        category=_category(need),
        priority=_priority(need, template),
        due=discharge + timedelta(days=template.within_days),
        protocol=need.protocol,
        code=template.code,
        community=template.community,
        evidence=need.evidence,
        patient_text=template.patient_text,
        labels=labels,
        service_title=template.service_title,
    )


def _priority(need: Need, template: ReferralTemplate) -> Urgency:
    """As urgent as its need, unless it may wait for weeks: a support group within a month is not, whatever the stroke is."""
    if template.within_days > _SOON_DAYS:
        return template.priority
    return max(need.urgency, template.priority, key=_URGENCIES.index)


def _category(need: Need) -> str:
    """Gravity's domain for a social need, the kind of need for the others."""
    return need.gravity_domain or (_UNSPECIFIED if need.kind is NeedKind.SOCIAL else str(need.kind))


def _merged(first: Referral, second: Referral) -> Referral:
    """The same service for a further need: as soon, as urgent and as sensitive as either asks for."""
    if first is second:
        return first
    return replace(
        first,
        priority=max(first.priority, second.priority, key=_URGENCIES.index),
        due=min(first.due, second.due),
        code=first.code or second.code,
        community=first.community or second.community,
        evidence=tuple(dict.fromkeys((*first.evidence, *second.evidence))),
        patient_text=first.patient_text or second.patient_text,
        labels=first.labels | second.labels,
        also_for=tuple(dict.fromkeys((*first.also_for, second.need))),
    )


def _with_services(referral: Referral, matches: Matches) -> Referral:
    if not referral.community:
        return referral
    return replace(referral, community_services=matches.of(referral.service))


def _with_order(referral: Referral, standing: Standing, *, distinct: bool) -> Referral:
    """distinct: no other referral has this code; otherwise the code alone does not tell which one was ordered."""
    codes = (referral.code,) if referral.code and distinct else ()
    needs = (referral.need, *referral.also_for)
    cover = standing.order(referral.title, codes, key=referral.key, service=referral.service, needs=needs)
    if cover is None:
        return referral
    return replace(
        referral,
        existing=cover.fact.reference,
        existing_words=_told(cover) if cover.perhaps else "",
        existing_on=cover.fact.began,
        existing_by=cover.fact.by,
        labels=referral.labels | cover.fact.labels,
    )


def _told(cover: Cover) -> str:
    """An order in its own words, with its day: whoever reads them can say whether it is meant."""
    words = " ".join(cover.words.split())[:_LONGEST_NAME]
    return f"{words}, {cover.fact.began}" if cover.fact.began else words


def _most_urgent_first(referral: Referral) -> tuple[int, date, str]:
    return (-_URGENCIES.index(referral.priority), referral.due, referral.key)
