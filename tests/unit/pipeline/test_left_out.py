"""An empty answer about what the plan before rests on: what each look by id leads to."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from fhir_mappings.bundle import Search
from service.domain.absence import APART
from service.domain.evidence import Evidence
from service.domain.record import Gap, GapReason, Lasting
from service.domain.unread import Unread
from service.ehr.search import SearchResult, refusal
from service.errors import EhrError, EhrGarbled, EhrRefused, EhrUnavailable
from service.pipeline.left_out import NOTHING_CITED, Cited, cited_in, find_left_out
from tests.builders import condition, interventions, need, planned

PATIENT = "Patient/p1"
ASKED = Search("Condition", (("patient", "p1"),))
CITED = Cited({"Condition": frozenset({"Condition/c1", "Condition/c2"})})
AT = datetime(2026, 3, 5, tzinfo=UTC)
STANDS = condition("c1", "E11.9")
MISTAKE = {
    **STANDS,
    "verificationStatus": {
        "coding": [
            {
                "system": "http://terminology.hl7.org/CodeSystem/condition-ver-status",
                "code": "entered-in-error",
            }
        ]
    },
}
OTHERS = {**STANDS, "subject": {"reference": "Patient/p2"}}


class Shows:
    """An EHR that shows the same for whatever is read by its id."""

    def __init__(self, shown: Any) -> None:
        self.shown = shown
        self.asked: list[str] = []

    def batch(self, searches: list[Search]) -> list[SearchResult]:
        self.asked += [f"{search.resource_type}/{search.id}" for search in searches]
        if not searches:
            return []
        if isinstance(self.shown, EhrUnavailable):
            raise self.shown
        return [self._result(search) for search in searches]

    def _result(self, search: Search) -> SearchResult:
        if isinstance(self.shown, EhrError):
            return refusal(search, self.shown)
        return SearchResult(search, (self.shown,))


def kinds_left_out(ehr: Any, *found: Any, cited: Cited = CITED, gaps: tuple[Gap, ...] = ()) -> set[str]:
    result = SearchResult(ASKED, found, gaps)
    left_out = find_left_out(cited, [ASKED], [result], PATIENT, ehr)
    assert all(gap.is_asked_again() for gap in left_out)
    return {gap.about for gap in left_out}


def missed_for(time: timedelta) -> Cited:
    return replace(CITED, missed={"Condition": time})


NOT_THERE = EhrRefused(status=404)
FIRST, SECOND, DAY_LATER = timedelta(0), APART, timedelta(days=1)


@pytest.mark.parametrize(
    ("shown", "missed", "is_kept"),
    [
        (STANDS, None, True),
        (STANDS, SECOND, True),
        (STANDS, DAY_LATER, False),
        (MISTAKE, None, False),
        (OTHERS, None, False),
        (NOT_THERE, None, True),
        (NOT_THERE, FIRST, True),
        (NOT_THERE, SECOND, False),
        (EhrRefused(status=410), SECOND, False),
        (EhrRefused(status=403), SECOND, True),
        (EhrRefused(status=401), None, True),
        (EhrGarbled("a page"), None, True),
        (EhrUnavailable(), SECOND, True),
    ],
)
def test_what_a_search_left_out_is_gone_only_when_looks_by_id_show_it(shown, missed, is_kept):
    cited = CITED if missed is None else missed_for(missed)
    assert kinds_left_out(Shows(shown), cited=cited) == ({"Condition"} if is_kept else set())


def test_one_that_is_found_is_enough_and_costs_nothing():
    ehr = Shows(STANDS)
    found = {**STANDS, "id": "c2"}
    assert kinds_left_out(ehr, found) == set()
    assert ehr.asked == []


def test_others_that_are_found_prove_nothing():
    assert kinds_left_out(Shows(STANDS), {**STANDS, "id": "new"}) == {"Condition"}


def test_a_first_plan_asks_for_nothing_more():
    ehr = Shows(STANDS)
    assert kinds_left_out(ehr, cited=NOTHING_CITED) == set()
    assert ehr.asked == []


def test_a_search_that_failed_has_its_gap_and_is_not_looked_into():
    ehr = Shows(STANDS)
    gap = Gap("Condition", GapReason.REFUSED, "It was refused.", lasting=Lasting.PERHAPS)
    assert kinds_left_out(ehr, gaps=(gap,)) == set()
    assert ehr.asked == []


def test_a_type_that_was_not_searched_is_not_looked_into():
    ehr = Shows(STANDS)
    assert kinds_left_out(ehr, cited=Cited({"Coverage": frozenset({"Coverage/1"})})) == set()
    assert ehr.asked == []


def test_a_plan_cites_the_evidence_of_its_needs_but_not_its_own_stay():
    stay = planned().encounter.reference
    cited = [
        Evidence(reference, None, date(2026, 3, 5), "said")
        for reference in ("Condition/c1", stay, "https://elsewhere.example.com/fhir/Condition/7", "")
    ]
    plan = planned(replace(need(interventions=interventions()), evidence=tuple(cited)))
    assert cited_in(plan, [], AT).references["Condition"] == {"Condition/c1"}
    assert stay not in {
        reference for found in cited_in(plan, [], AT).references.values() for reference in found
    }


def test_only_what_a_search_left_out_before_counts_as_an_earlier_look():
    refused = Unread("Condition", GapReason.REFUSED, Lasting.PERHAPS, since=AT - DAY_LATER, due=AT)
    missed = replace(refused, resource_type="Goal", reason=GapReason.UNCERTAIN)
    assert cited_in(planned(), [refused, missed], AT).missed == {"Goal": DAY_LATER}
