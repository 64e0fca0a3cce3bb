"""What is asked for again although no gap tells of it: the types of which a first plan suspiciously found nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from service.domain.record import Gap, GapReason, Lasting
from service.domain.unread import FIRST_PAUSES, SILENT_FOR, Unread, doubt_silence, find_silent
from tests.builders import record, stay

AT = datetime(2026, 3, 5, tzinfo=UTC)
USUAL = frozenset({"Condition", "Observation"})
REFUSED = Unread("Condition", GapReason.REFUSED, Lasting.PERHAPS, since=AT - timedelta(days=1), due=AT)
SILENT = replace(REFUSED, reason=GapReason.UNCERTAIN, since=AT)


def gap(reason: GapReason, lasting: Lasting = Lasting.LASTING) -> Gap:
    return Gap("Condition", reason, "It was not read.", lasting=lasting)


@pytest.mark.parametrize(
    ("found", "named", "gaps", "silent"),
    [
        (set(), (), (), {"Condition", "Observation"}),
        ({"Condition"}, (), (), {"Observation"}),
        (USUAL, (), (), set()),
        (USUAL, ("Procedure/p1", "Condition/c1"), (), {"Procedure"}),
        (USUAL | {"Procedure"}, ("Procedure/p1",), (), set()),
        (USUAL, ("ImmunizationRecommendation/i1",), (), set()),
        ({"Observation"}, (), (gap(GapReason.NOT_OFFERED),), set()),
        ({"Observation"}, (), (gap(GapReason.REFUSED, Lasting.PERHAPS),), set()),
        ({"Observation"}, (), (gap(GapReason.UNREADABLE),), set()),
        ({"Observation"}, (), (gap(GapReason.UNCERTAIN, Lasting.PASSING),), set()),
        ({"Observation"}, (), (gap(GapReason.UNCERTAIN),), {"Condition"}),
    ],
)
def test_silent_is_what_a_stay_has_as_a_rule_and_no_gap_tells_of(found, named, gaps, silent):
    diagnoses = tuple((reference, "") for reference in named)
    read = record(encounter=stay(diagnoses=diagnoses), types_read=frozenset(found), gaps=gaps)
    assert find_silent(read) == silent


@pytest.mark.parametrize(
    ("before", "is_first", "is_doubted"),
    [
        ((), True, True),
        ((), False, False),
        ((REFUSED,), False, True),
        ((SILENT,), False, True),
        ((replace(SILENT, since=AT - SILENT_FOR),), False, True),
        ((replace(SILENT, tries=len(FIRST_PAUSES)),), False, True),
        ((replace(SILENT, tries=len(FIRST_PAUSES), since=AT - SILENT_FOR),), False, False),
        ((replace(SILENT, resource_type="Goal"),), False, False),
    ],
)
def test_a_later_plan_doubts_only_what_lacked_before(before, is_first, is_doubted):
    doubted = doubt_silence({"Condition"}, before, AT, is_first=is_first)
    assert [lack.resource_type for lack in doubted] == ["Condition"] * is_doubted
    assert all(
        (lack.reason, lack.due) == (GapReason.UNCERTAIN, AT + timedelta(seconds=30)) for lack in doubted
    )
