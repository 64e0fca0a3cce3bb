from dataclasses import replace
from uuid import UUID

import pytest

from service.domain.access import Role, Scope
from service.domain.decision import Signer
from service.doors.session import Session
from service.errors import NotAllowed

DANA = Signer("Dana Testworker", "https://ehr.example.org/auth dana-1", "Practitioner/dana")
SESSION = Session("one", DANA, Role.CLINICIAN, approves=True, discharges=(UUID(int=1),))


def test_a_session_is_a_caller_of_its_stays_alone():
    caller = SESSION.caller()
    assert caller.scopes == {Scope.PLANS_READ, Scope.PLANS_APPROVE}
    assert (caller.may_enter("one"), caller.may_enter("two")) == (True, False)
    assert (caller.may_open(UUID(int=1)), caller.may_open(UUID(int=2))) == (True, False)
    assert caller.as_signer() == DANA


def test_who_may_not_decide_is_no_signer_whatever_they_see():
    caller = replace(SESSION, approves=False).caller()
    assert caller.sees_sensitive_items()
    with pytest.raises(NotAllowed):
        caller.as_signer()


def test_what_the_same_person_has_open_stays_open_up_to_a_number():
    before = replace(SESSION, discharges=tuple(UUID(int=number) for number in range(1, 21)))
    after = replace(SESSION, discharges=(UUID(int=30),)).also(before)
    assert after.discharges == (*before.discharges[1:], UUID(int=30))
    again = replace(SESSION, discharges=(UUID(int=5),)).also(before)
    assert (len(again.discharges), again.discharges[-1]) == (20, UUID(int=5))


@pytest.mark.parametrize(
    "before", [None, replace(SESSION, tenant="two"), replace(SESSION, person=replace(DANA, subject="other"))]
)
def test_what_anybody_else_had_open_is_not_theirs(before):
    mine = replace(SESSION, discharges=(UUID(int=9),))
    assert mine.also(before) == mine


def test_the_forms_of_a_chart_that_is_open_already_hold_when_another_is_opened():
    mine = replace(SESSION, discharges=(UUID(int=9),), form="another")
    assert mine.also(SESSION).form == SESSION.form
    assert mine.also(replace(SESSION, tenant="two")).form == "another"


def test_a_new_launch_says_anew_what_the_person_may_do():
    reader = replace(SESSION, role=Role.STAFF, approves=False)
    after = reader.also(SESSION)
    assert (after.role, after.approves) == (Role.STAFF, False)
