from fhir_mappings import systems
from fhir_mappings.inbound.people import contact, home, human_name


def test_the_name_in_use_is_the_official_one_without_an_end():
    names = [
        {"use": "old", "family": "Before", "given": ["Zelda"]},
        {"family": "Married", "given": ["Zelda"], "period": {"end": "2020-07-22"}},
        {"use": "official", "family": "Testperson", "given": ["Zelda", "Q."]},
    ]
    assert human_name(names) == "Zelda Q. Testperson"


def test_a_name_may_be_one_text_or_absent():
    assert human_name([{"text": "Zelda Testperson"}]) == "Zelda Testperson"
    assert human_name({"given": "Zelda"}) == "Zelda"
    assert human_name([{}]) == human_name("x") == ""


def test_the_first_phone_in_use_is_taken():
    points = [
        {"system": "email", "value": "zelda@example.com"},
        {"system": "phone", "value": "1", "use": "old"},
        {"system": "phone", "value": " 555-0100 "},
    ]
    assert contact(points, "phone") == "555-0100"
    assert contact(points, "fax") == ""


def test_the_home_address_of_today_is_taken_with_its_place():
    place = [{"url": "latitude", "valueDecimal": 42.1}, {"url": "longitude", "valueDecimal": -72.5}]
    addresses = [
        {"use": "work", "city": "Elsewhere"},
        {"use": "home", "city": "Formerly", "period": {"end": "2020"}},
        {
            "use": "home",
            "line": ["1 Example Street", "Apt 2"],
            "city": "Testville",
            "postalCode": 1013,
            "extension": [{"url": systems.GEOLOCATION, "extension": place}],
        },
    ]
    found = home(addresses)
    assert found
    assert (found.line, found.city, found.postal_code) == ("1 Example Street, Apt 2", "Testville", "1013")
    assert (found.latitude, found.longitude) == (42.1, -72.5)


def test_half_a_place_is_none():
    place = {"url": systems.GEOLOCATION, "extension": [{"url": "latitude", "valueDecimal": 42.1}]}
    found = home([{"city": "Testville", "extension": [place]}])
    assert found
    assert found.latitude is None
    assert home(None) is None
