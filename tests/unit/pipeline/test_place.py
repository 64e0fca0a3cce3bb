import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.record import Address
from service.pipeline.place import Place, centre_of, kilometres, place_of

PLACES = st.builds(Place, st.floats(-90, 90), st.floats(-180, 180))


def test_springfield_to_chicago_is_about_285_kilometres():
    assert kilometres(Place(39.80, -89.65), Place(41.88, -87.63)) == pytest.approx(286, abs=3)


@given(PLACES, PLACES)
def test_a_way_is_as_long_as_the_way_back_and_never_further_than_half_the_earth(here, there):
    there_and_back = kilometres(here, there), kilometres(there, here)
    assert there_and_back[0] == pytest.approx(there_and_back[1])
    assert 0 <= there_and_back[0] <= 20_016


def test_an_address_with_coordinates_is_where_they_say():
    assert place_of(Address(postal_code="62703", latitude=1.0, longitude=2.0)) == Place(1.0, 2.0)


def test_an_address_without_coordinates_is_in_the_middle_of_its_zip_code():
    assert place_of(Address(postal_code="62703-1234")) == centre_of("62703") == Place(39.7622, -89.6275)


@pytest.mark.parametrize("code", ["", "99999", "K1A 0B1", "abc", "6270"])
def test_a_code_that_is_no_zip_code_is_nowhere(code):
    assert place_of(Address(postal_code=code)) is None


def test_no_address_is_nowhere():
    assert place_of(None) is None
