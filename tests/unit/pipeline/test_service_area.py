import pytest

from config.tenants import ServiceArea
from service.domain.community_service import CommunityService, LoadedDirectory
from service.pipeline.service_area import AreaDirectory


def service(name, *postal_codes):
    return CommunityService(name, name, "", frozenset({"food-pantry"}), postal_codes=frozenset(postal_codes))


SERVICES = (service("here", "60601"), service("near", "60602"), service("far", "10001"), service("anywhere"))


@pytest.mark.parametrize(
    ("area", "postal_code", "found"),
    [
        (ServiceArea(), "", {"here", "near", "far", "anywhere"}),
        (ServiceArea(postal_codes=frozenset({"60601", "60602"})), "", {"here", "near", "anywhere"}),
        (ServiceArea(default_postal_code="60601"), "", {"here", "anywhere"}),
        (
            ServiceArea(postal_codes=frozenset({"60601"}), default_postal_code="60601"),
            "10001",
            {"far", "anywhere"},
        ),
    ],
)
def test_the_area_stands_for_an_address_that_is_not_known(area, postal_code, found):
    directory = AreaDirectory(LoadedDirectory(SERVICES), area)
    assert {one.id for one in directory.candidates({"food-pantry"}, postal_code)} == found
