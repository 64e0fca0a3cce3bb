"""Programmes that may help: with the figures of the day, each once, and never more than "may qualify"."""

from dataclasses import replace
from datetime import date

from fhir_mappings.narrative import programme_phrase
from service.domain.protocol import ProgrammeTemplate
from service.domain.sensitivity import Label
from service.presentation.document import plan_document
from tests.builders import interventions, need, planned
from tests.unit.pipeline.assess.shipped import CONTENT

SNAP = next(
    offer.template
    for protocol in CONTENT.protocols
    for offer in protocol.offers
    if isinstance(offer.template, ProgrammeTemplate) and offer.template.key == "snap"
)
FOOD = need(interventions=interventions(programmes=(SNAP,)))
MONEY = need("financial-insecurity", interventions=interventions(programmes=(SNAP,)))


def test_a_programme_stands_once_for_all_needs_it_may_help_with() -> None:
    (programme,) = planned(FOOD, MONEY).programmes
    assert (programme.key, programme.need, programme.also_for) == (
        "programme:snap",
        "food-insecurity",
        ("financial-insecurity",),
    )


def test_the_figures_are_those_of_the_day() -> None:
    told = {day: SNAP.rules_on(day) for day in (date(2026, 9, 30), date(2026, 10, 1))}
    texts = {day: rules.text for day, rules in told.items() if rules}
    assert "1,696 USD" in texts[date(2026, 9, 30)]
    assert "1,729 USD" in texts[date(2026, 10, 1)]
    assert SNAP.rules_on(date(2024, 3, 5)) is None


def test_a_day_without_figures_on_file_says_so() -> None:
    (programme,) = planned(FOOD).programmes
    assert programme.rules == ""
    assert programme_phrase(programme).startswith(
        "May qualify, verify: the rules of this day are not on file"
    )


def test_a_programme_for_a_sensitive_need_stands_apart_and_is_not_shared() -> None:
    private = replace(MONEY, labels=frozenset({Label.SDV}))
    plan = planned(FOOD, private)
    assert [one.key for one in plan.programmes] == ["programme:snap", "programme:snap:protected"]
    assert [one.key for one in plan.shareable().programmes] == ["programme:snap"]


def test_the_document_says_may_qualify_and_nothing_surer() -> None:
    plan = planned(FOOD)
    (told,) = plan_document(plan, bundle={})["programmes"]
    assert told["says"].startswith("May qualify, verify: ")
    assert (told["needs"], told["rules"], told["review"]) == (["food-insecurity"], None, "pending")


def test_nobody_s_immigration_status_is_asked_for() -> None:
    texts = [
        rules.text
        for protocol in CONTENT.protocols
        for offer in protocol.offers
        for rules in getattr(offer.template, "rules", ())
    ]
    assert texts
    assert not [text for text in texts if "citizen" in text.casefold() or "immigra" in text.casefold()]
