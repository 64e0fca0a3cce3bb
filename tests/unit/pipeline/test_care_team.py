"""Whom a message goes to: people who work for this patient now, and nobody whose name would give something away."""

from datetime import date, timedelta

from service.domain.record import Fact, Kind, Participant
from service.domain.sensitivity import Label
from service.pipeline.draft.care_team import care_team
from tests.builders import ENCOUNTER, TODAY, record, stay


def team(name, /, *members, **more):
    given = {"status": "active", "members": members, **more}
    return Fact(Kind.CARE_TEAM, f"CareTeam/{name}", **given)


def order(number, /, **more):
    given = {"by": f"Practitioner/{number}", "encounter": ENCOUNTER, **more}
    return Fact(Kind.ORDER, f"ServiceRequest/{number}", **given)


def found(*teams, labels=None, **more):
    return care_team(record(*teams, **more), labels or {}, today=TODAY)


def test_it_is_the_team_and_the_professionals_in_it():
    ward = team(
        "ward", "Practitioner/1", "Patient/p1", "RelatedPerson/2", "PractitionerRole/3", "Practitioner/1"
    )
    assert found(ward) == ("CareTeam/ward", "Practitioner/1", "PractitionerRole/3")


def test_a_team_of_this_stay_is_preferred():
    ward = team("ward", "Practitioner/1", encounter=ENCOUNTER)
    assert found(team("clinic", "Practitioner/2"), ward) == ("CareTeam/ward", "Practitioner/1")


def test_a_team_that_is_over_or_not_begun_is_none():
    yesterday: date = TODAY - timedelta(days=1)
    over = (team("old", ended=yesterday), team("gone", status="inactive"), team("idea", status="proposed"))
    assert found(*over) == ()
    assert found(team("now", ended=TODAY)) == ("CareTeam/now",)


def test_a_sensitive_team_is_left_out_by_its_label_and_by_what_it_is_for():
    clinic = team("clinic", labels=frozenset({Label.ETH}))
    assert found(clinic) == ()
    assert found(team("clinic"), labels={"CareTeam/clinic": frozenset({Label.ETH})}) == ()


def test_without_a_team_it_is_who_takes_part_in_the_stay():
    people = (
        Participant("ATND", "Practitioner/7"),
        Participant("ESC", "RelatedPerson/8"),
        Participant("REF", ""),
    )
    assert found(order("1"), encounter=stay(participants=people)) == ("Practitioner/7",)
    assert found() == ()


def test_without_either_it_is_who_ordered_something_in_this_stay():
    hidden = order("3", labels=frozenset({Label.ETH}))
    others = (
        order("4", encounter="Encounter/other"),
        order("5", by="A name only"),
        order("6", by="Device/1"),
    )
    assert found(order("2"), order("1"), order("2"), hidden, *others) == ("Practitioner/2", "Practitioner/1")
    assert found(order("7"), labels={"ServiceRequest/7": frozenset({Label.ETH})}) == ()
