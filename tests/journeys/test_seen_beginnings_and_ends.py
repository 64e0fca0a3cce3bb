"""What was once seen to go wrong when a plan is first written, frozen by a person's words, or outlived by nobody.

Real processes and each kind of EHR; what is asserted stands in the EHR, read from inside.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.faults.judgement import is_gone, words_of
from fhir_mappings.narrative import headline
from fhir_mappings.references import reference_of
from service.sandbox.chart import WRITTEN_TYPES as OURS
from service.sandbox.mode import FULL, SINGLES
from service.sandbox.spells import Asks, Trouble
from tests.processes import wait_until
from tests.ward import House, Ward, open_house

Json = dict[str, Any]

NOTICE = "Notice about the discharge plan"
THEIRS = "As discussed with the daughter."


#: An EHR that wants documents signed holds nothing of ours before that (tests/integration/test_lasting_in_sandbox.py).
@pytest.fixture(scope="module", params=[FULL, SINGLES])
def house(request, tmp_path_factory, new_database) -> Iterator[House]:
    log = tmp_path_factory.mktemp("ends") / "homeward.log"
    with open_house(request.param, log, new_database("template_for_tests"), stays=3) as opened:
        yield opened


# --- a moment's 404 while a plan is written for the first time --------------------------------------
@pytest.mark.parametrize("trouble", [Trouble.NOT_FOUND, Trouble.NOT_FOUND_PAGE])
def test_a_first_plan_that_is_written_while_nothing_is_found_stands_as_if_nothing_had_been(house, trouble):
    place = list(Trouble).index(trouble) + 1
    [ward] = house.admit(1, first=100 * place)
    before = ward.met(trouble)
    ward.cast(trouble, Asks.WRITES, types=frozenset(OURS))
    ward.order("order")
    ward.wait_for(trouble, before)
    wait_until(lambda: "waiting" in ward.standings(), "that it waits")
    assert not ward.is_published()
    assert ward.ours() == ()
    assert "theirs" not in ward.standings()
    ward.recover(minutes=10)
    wait_until(ward.is_published, "the plan")
    twin = house.wards[0]
    assert kinds(ward) == kinds(twin) != []
    assert "theirs" not in ward.standings()


def kinds(ward: Ward) -> list[str]:
    return sorted(str(resource["resourceType"]) for resource in ward.ours() if not is_gone(resource))


# --- a person's words keep our verdict out -----------------------------------------------------------
def test_where_a_persons_words_keep_our_verdict_out_a_notice_of_ours_tells_it(house):
    ward = house.wards[1]
    hospital, plan = ward.deployment.hospital, ward.plan()
    assert NOTICE not in ward.words()
    edited = with_their_words(hospital.read(reference_of(plan)))
    hospital.put(edited)
    goes_elsewhere(ward)
    ward.order("again")

    def verdict() -> str:
        version = ward.deployment.deps.store.plans.latest(ward.discharge)
        assert version is not None
        return headline(version.plan.shareable()).strip()

    wait_until(lambda: "killed nursing" in verdict(), "the other verdict")
    wait_until(ward.is_published, "the notice")
    assert verdict() not in words_of(hospital.read(reference_of(plan)))
    notices = [words for words in map(words_of, ward.ours()) if NOTICE in words]
    assert len(notices) == 1
    assert verdict() in notices[0]
    assert "older than the one on Homeward's page" in notices[0]
    assert THEIRS in words_of(hospital.read(reference_of(plan)))


def with_their_words(resource: Json) -> Json:
    """The plan or document with words of a person's in what readers read."""
    if resource["resourceType"] == "CarePlan":
        return {**resource, "text": {"status": "additional", "div": _added(resource["text"]["div"])}}
    content = [
        {**part, "attachment": {**part["attachment"], "data": _encoded(part["attachment"]["data"])}}
        for part in resource["content"]
    ]
    return {**resource, "content": content}


def _added(words: str) -> str:
    before, mark, after = words.rpartition("</")
    return f"{before}<p>{THEIRS}</p>{mark}{after}"


def _encoded(data: str) -> str:
    return b64encode(_added(b64decode(data).decode()).encode()).decode()


def goes_elsewhere(ward: Ward) -> None:
    """The stay names another place to go to."""
    system = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
    place = {"coding": [{"system": system, "code": "snf", "display": "Skilled nursing facility"}]}
    hospital, stay = ward.deployment.hospital, ward.stay.patient.encounter
    hospital.put({**hospital.read(stay), "hospitalization": {"dischargeDisposition": place}})


# --- who has died, and whose record is inactive -------------------------------------------------------
def test_of_who_died_and_is_inactive_nothing_that_was_approved_stays_ordered(house):
    ward = house.wards[2]
    key, words = ward.items()[0]["key"], "Oxygen at home, two litres"
    assert ward.desk.reword(ward.discharge, key, words)
    assert ward.desk.decide(ward.discharge, key, "approve")
    wait_until(lambda: ward.stands(key, words) and ward.is_published(), "the approval")
    assert ward.order_of(key)
    hospital = ward.deployment.hospital
    hospital.put({**hospital.read(ward.stay.subject), "deceasedBoolean": True, "active": False})
    ward.recover(hours=1, minutes=1)
    wait_until(lambda: "the patient has died" in ward.words(), "the plan of who has died")
    wait_until(lambda: ward.is_declined(key, words), "taking it back")
    wait_until(ward.is_published, "the end of writing")
    assert "active" not in {resource["status"] for resource in ward.orders()}
    assert {task["status"] for task in ward.tasks()} <= {"cancelled", "completed", "rejected"}
