import csv
import shutil
from datetime import date

import pytest

from config.content import load_content
from config.directory_file import SAMPLE, load_directory
from service.domain.protocol import ReferralTemplate
from service.domain.sensitivity import VIOLENCE, Label
from service.errors import ConfigurationError

SERVICES = load_directory()


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(SAMPLE, tmp_path / "directory")


def rewrite(folder, table, change):
    file = folder / f"{table}.csv"
    with file.open(newline="") as text:
        rows = list(csv.DictReader(text))
    change(rows)
    with file.open("w", newline="") as text:
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def named(name):
    return next(service for service in SERVICES if service.name == name)


def test_a_service_is_read_with_place_area_languages_ages_and_the_day_it_was_verified():
    meals = named("Home-delivered meals")
    assert meals.organization == "Hot Plate Home Meals"
    assert meals.services == {"home-delivered-meals"}
    assert (meals.minimum_age, meals.maximum_age) == (60, None)
    assert (meals.latitude, meals.longitude) == (39.8208, -89.6471)
    assert "62703" in meals.postal_codes
    assert meals.phone == "217-555-0113"
    assert meals.verified == date(2026, 10, 5)


def test_a_national_line_serves_everywhere_and_was_never_verified():
    line = named("Suicide and crisis line")
    assert line.postal_codes == frozenset()
    assert line.verified is None
    assert line.serves("99501")


def test_a_service_that_is_closed_for_now_is_listed_as_not_accepting():
    assert not named("Outpatient physical and occupational therapy").accepting


def test_no_entry_for_survivors_of_violence_holds_an_address():
    confidential = [service for service in SERVICES if service.labels & VIOLENCE]
    assert confidential
    for service in confidential:
        assert (service.address, service.postal_code, service.latitude, service.longitude) == (
            "",
            "",
            None,
            None,
        )


def test_an_address_in_the_files_of_a_confidential_service_is_not_read(folder):
    harbor = next(service for service in SERVICES if Label.SSP in service.labels)

    def give_it_a_place(rows):
        rows.append({**rows[0], "id": "11111111-0000-0000-0000-000000000000", "service_id": harbor.id})

    rewrite(folder, "service_at_location", give_it_a_place)
    again = next(service for service in load_directory(folder) if Label.SSP in service.labels)
    assert again == harbor


def test_sample_numbers_are_invented_or_national():
    assert all(service.phone.startswith("217-555-01") or not service.postal_codes for service in SERVICES)


def test_a_defunct_service_is_not_listed(folder):
    rewrite(folder, "service", lambda rows: rows[0].update(status="defunct"))
    assert len(load_directory(folder)) == len(SERVICES) - 1


@pytest.mark.parametrize(
    ("table", "column", "value", "message"),
    [
        (
            "service",
            "organization_id",
            "nowhere",
            "service.csv line 2: organization_id points to no organization",
        ),
        ("service", "status", "open", "service.csv line 2: status must be one of active"),
        ("service", "assured_date", "last May", "service.csv line 2: assured_date must be a date"),
        ("service", "minimum_age", "sixty", "service.csv line 2: minimum_age must be an age"),
        ("service", "id", "", "service.csv line 2: id is empty"),
        ("location", "latitude", "139.2", "location.csv line 2: latitude must be between -90 and 90"),
        ("location", "longitude", "west", "location.csv line 2: longitude must be a number"),
        (
            "service_at_location",
            "location_id",
            "x",
            "service_at_location.csv line 2: location_id points to no",
        ),
        ("attribute", "link_id", "x", "attribute.csv line 2: link_id points to no service"),
        (
            "attribute",
            "taxonomy_term_id",
            "x",
            "attribute.csv line 2: taxonomy_term_id points to no taxonomy_term",
        ),
        ("phone", "service_id", "x", "phone.csv line 2: service_id points to no service"),
        ("service_area", "extent", "", "service_area.csv line 2: extent must list postal codes"),
    ],
)
def test_a_wrong_cell_is_named_by_file_and_line(folder, table, column, value, message):
    rewrite(folder, table, lambda rows: rows[0].update({column: value}))
    with pytest.raises(ConfigurationError, match=message.replace("(", r"\(")):
        load_directory(folder)


def test_ages_the_wrong_way_round_are_named(folder):
    rewrite(folder, "service", lambda rows: rows[0].update(minimum_age="65", maximum_age="18"))
    with pytest.raises(ConfigurationError, match=r"service\.csv line 2: minimum_age is above maximum_age"):
        load_directory(folder)


def test_an_id_used_twice_is_named_with_both_lines(folder):
    rewrite(folder, "phone", lambda rows: rows[1].update(id=rows[0]["id"]))
    with pytest.raises(ConfigurationError, match=r"phone\.csv line 3: the id stands already on line 2"):
        load_directory(folder)


def test_a_service_that_no_need_can_find_is_named(folder):
    rewrite(folder, "attribute", lambda rows: rows.__setitem__(slice(None), rows[1:]))
    with pytest.raises(ConfigurationError, match=r"service\.csv line 2: the service has no attribute"):
        load_directory(folder)


def test_an_unknown_label_is_named(folder):
    rewrite(
        folder,
        "taxonomy_term",
        lambda rows: [row.update(code="SECRET") for row in rows if row["code"] == "SSP"],
    )
    with pytest.raises(ConfigurationError, match="SECRET is not a sensitivity label"):
        load_directory(folder)


def test_a_missing_file_and_a_missing_column_are_named(folder):
    (folder / "phone.csv").write_text("id,number\n")
    with pytest.raises(ConfigurationError, match=r"phone\.csv line 1: the column service_id is missing"):
        load_directory(folder)
    (folder / "phone.csv").unlink()
    with pytest.raises(ConfigurationError, match=r"phone\.csv is missing"):
        load_directory(folder)


def test_a_text_with_an_unquoted_comma_is_named(folder):
    with (folder / "organization.csv").open("a") as text:
        text.write("22222222-0000-0000-0000-000000000000,Sample,one, two\n")
    with pytest.raises(ConfigurationError, match="there are more cells than columns"):
        load_directory(folder)


def test_a_file_that_is_not_text_is_named(folder):
    (folder / "phone.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match=r"phone\.csv is not CSV in UTF-8"):
        load_directory(folder)


def test_every_service_the_protocols_refer_to_in_the_community_is_in_the_sample():
    templates = [offer.template for protocol in load_content().protocols for offer in protocol.offers]
    wanted = {one.service for one in templates if isinstance(one, ReferralTemplate) and one.community}
    assert wanted - {key for service in SERVICES for key in service.services} == set()


def test_a_place_without_coordinates_is_listed_without_them(folder):
    rewrite(folder, "location", lambda rows: rows[0].update(latitude="", longitude=""))
    placeless = [
        service for service in load_directory(folder) if service.address and service.latitude is None
    ]
    assert [service.organization for service in placeless] == ["Prairie Basket Food Pantry"]
