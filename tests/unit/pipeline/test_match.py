from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.community_service import CommunityService, LoadedDirectory
from service.domain.protocol import Interventions, ReferralTemplate
from service.domain.record import Address, Language
from service.domain.sensitivity import NONE, Label
from service.pipeline.match import OFFERED, Seeker, match, rank
from service.pipeline.place import Place
from tests.builders import assessment, need, person

TODAY = date(2026, 11, 21)
HOME = Address(city="Springfield", postal_code="62703", latitude=39.7681, longitude=-89.6352)
SPANISH = Language("es", "Spanish", preferred=True)


def pantry(name: str = "Sample Pantry", **more: Any) -> CommunityService:
    given_here: dict[str, Any] = {
        "services": frozenset({"food-pantry"}),
        "postal_codes": frozenset({"62703"}),
        "latitude": 39.7789,
        "longitude": -89.6318,
        "languages": frozenset({"en"}),
        "fees": "free",
        "verified": TODAY - timedelta(days=30),
    }
    return CommunityService(id=name, name=name, organization="Sample Org", **{**given_here, **more})


def needing(*keys: str, **more: Any) -> Any:
    referrals = tuple(ReferralTemplate(service=key, title=key) for key in keys)
    return need(interventions=Interventions(referrals=referrals), **more)


def matched(*services: CommunityService, needs: tuple[Any, ...] = (), **patient: Any) -> Any:
    asked = assessment(needs=needs or (needing("food-pantry"),))
    someone = person(**{"address": HOME, **patient})
    return match(asked, someone, LoadedDirectory(services), today=TODAY)


def names(found: Any, key: str = "food-pantry") -> list[str]:
    return [one.service.name for one in found.of(key)]


def test_the_nearer_of_two_equal_services_comes_first_with_its_distance_in_words():
    far = pantry("Far", latitude=39.85, longitude=-89.65)
    found = matched(far, pantry("Near"))
    assert names(found) == ["Near", "Far"]
    assert "1.2 km away" in found.of("food-pantry")[0].reasons


def test_a_service_for_another_age_is_not_offered_however_near():
    children = pantry("Children only", maximum_age=17, latitude=39.7681, longitude=-89.6352)
    assert names(matched(children, pantry())) == ["Sample Pantry"]


def test_an_unknown_age_is_said_and_not_held_against_the_person():
    found = matched(pantry(minimum_age=60), birth_date=None)
    assert "for ages 60 and over; the age is not known" in found.of("food-pantry")[0].reasons


def test_a_service_that_speaks_the_patients_language_comes_first_even_if_further_away():
    spanish = pantry("Despensa", languages=frozenset({"en", "es"}), latitude=39.85, longitude=-89.65)
    found = matched(pantry(), spanish, languages=(SPANISH,))
    assert names(found) == ["Despensa", "Sample Pantry"]
    assert "speaks Spanish" in found.of("food-pantry")[0].reasons
    assert "does not speak Spanish: bring an interpreter" in found.of("food-pantry")[1].reasons


@pytest.mark.parametrize(
    ("verified", "words"),
    [
        (date(2026, 3, 2), "last verified 2026-03-02"),
        (date(2024, 1, 9), "not verified for over a year (last 2024-01-09)"),
        (None, "never verified"),
    ],
)
def test_how_fresh_an_entry_is_stands_among_its_reasons(verified, words):
    assert words in matched(pantry(verified=verified)).of("food-pantry")[0].reasons


def test_of_two_equally_near_services_the_one_checked_lately_comes_first():
    stale = pantry("A stale one", verified=date(2020, 1, 1))
    assert names(matched(stale, pantry("Fresh"))) == ["Fresh", "A stale one"]


def test_a_service_that_takes_nobody_now_comes_last_and_says_so():
    closed = pantry("Closed", accepting=False, latitude=39.7681, longitude=-89.6352)
    found = matched(closed, pantry())
    assert names(found) == ["Sample Pantry", "Closed"]
    assert "does not take new people now" in found.of("food-pantry")[1].reasons


def test_a_national_line_comes_after_the_services_of_the_area():
    line = pantry("211", postal_codes=frozenset(), latitude=None, longitude=None)
    found = matched(line, pantry())
    assert names(found) == ["Sample Pantry", "211"]
    assert "by phone, from anywhere" in found.of("food-pantry")[1].reasons
    assert found.of("food-pantry")[1].distance_km is None


def test_a_person_outside_the_service_area_is_not_sent_there():
    elsewhere = Address(postal_code="02118")
    assert names(matched(pantry(), address=elsewhere)) == []


def test_a_zip_plus_four_is_within_its_zip():
    assert names(matched(pantry(), address=replace(HOME, postal_code="62703-1234"))) == ["Sample Pantry"]


def test_a_person_without_an_address_is_offered_the_services_of_the_hospitals_area():
    found = matched(pantry(), address=None)
    assert names(found) == ["Sample Pantry"]
    assert "distance not known" in found.of("food-pantry")[0].reasons


def test_a_key_that_nothing_answers_stays_as_asked_for_and_empty():
    found = matched(pantry(), needs=(needing("hospice"),))
    assert found.by_service == (("hospice", ()),)


def test_only_present_needs_and_only_referrals_into_the_community_are_asked_for():
    inside = ReferralTemplate(service="food-pantry", title="Dietitian", community=False)
    hospital = need(interventions=Interventions(referrals=(inside,)))
    assert matched(pantry(), needs=(needing("food-pantry", present=False), hospital)).by_service == ()


def test_a_place_for_survivors_is_offered_to_them_and_never_shows_how_far_it_is():
    harbor = pantry("Safe Harbor", labels=frozenset({Label.SSP}), latitude=None, longitude=None)
    violence = needing("food-pantry", labels=frozenset({Label.SDV}))
    found = matched(harbor, needs=(violence,))
    assert names(found) == ["Safe Harbor"]
    assert "by phone first" in found.of("food-pantry")[0].reasons


def test_a_place_for_survivors_is_not_offered_when_another_need_asks_for_the_same_service():
    harbor = pantry("Safe Harbor", labels=frozenset({Label.SSP}))
    both = (needing("food-pantry", labels=frozenset({Label.SDV})), needing("food-pantry"))
    assert names(matched(harbor, pantry(), needs=both)) == ["Sample Pantry"]


SERVICES = st.builds(
    pantry,
    st.uuids().map(str),
    minimum_age=st.none() | st.integers(0, 100),
    maximum_age=st.none() | st.integers(0, 100),
    latitude=st.floats(39, 40),
    longitude=st.floats(-90, -89),
    postal_codes=st.sampled_from([frozenset(), frozenset({"62703"}), frozenset({"62704"})]),
    languages=st.sampled_from([frozenset(), frozenset({"en"}), frozenset({"es"})]),
    verified=st.none() | st.dates(date(2020, 1, 1), TODAY),
    accepting=st.booleans(),
    fees=st.sampled_from(["", "free", "$5"]),
)
SEEKERS = st.builds(
    Seeker,
    st.just(TODAY),
    st.none() | st.integers(0, 110),
    st.none() | st.sampled_from([Language("en"), SPANISH]),
    st.sampled_from(["", "62703"]),
    st.none() | st.just(Place(39.7681, -89.6352)),
)


@given(st.lists(SERVICES, max_size=12, unique_by=lambda service: service.id), SEEKERS, st.randoms())
def test_ranking_does_not_depend_on_the_order_of_the_directory(services, seeker, random):
    shuffled = list(services)
    random.shuffle(shuffled)
    assert rank(services, seeker) == rank(shuffled, seeker)


@given(st.lists(SERVICES, max_size=12), SEEKERS)
def test_nothing_is_offered_for_which_the_person_is_too_young_too_old_or_too_far_out(services, seeker):
    found = rank(services, seeker)
    assert len(found) <= OFFERED
    for one in found:
        assert one.service.serves(seeker.postal_code)
        if seeker.age is not None:
            assert (one.service.minimum_age or 0) <= seeker.age
            assert one.service.maximum_age is None or seeker.age <= one.service.maximum_age


@given(SERVICES, SERVICES, SEEKERS)
def test_an_open_service_is_never_behind_one_that_takes_nobody(first, second, seeker):
    found = rank([replace(first, accepting=True), replace(second, accepting=False)], seeker)
    assert [one.service.accepting for one in found] == sorted(
        (one.service.accepting for one in found), reverse=True
    )


@given(st.lists(SERVICES, max_size=6), SEEKERS)
def test_every_offer_says_why(services, seeker):
    assert all(one.reasons and all(one.reasons) for one in rank(services, seeker))


def test_nothing_is_labelled_by_matching_ordinary_services():
    assert matched(pantry()).of("food-pantry")[0].service.labels == NONE


@pytest.mark.parametrize(
    ("spoken", "offered", "said"),
    [
        ("yue", {"zh-yue"}, "speaks Cantonese"),
        ("yue", {"zh"}, "ask for Cantonese"),
        ("yue", {"cmn", "en"}, "does not speak Cantonese: bring an interpreter"),
        ("zh", {"cmn"}, "ask for Chinese"),
        ("es-MX", {"es"}, "speaks Spanish"),
        ("fil", {"tl"}, "speaks Filipino"),
    ],
)
def test_a_service_speaks_a_language_and_not_only_one_it_belongs_to(spoken, offered, said):
    found = matched(pantry(languages=frozenset(offered)), languages=(Language(spoken, preferred=True),))
    (only,) = found.of("food-pantry")
    assert said in only.reasons
