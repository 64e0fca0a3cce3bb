"""A search goes out in the form that the server's own pages ask for, and as it was where they ask for none."""

from datetime import date

import pytest

from config.ehr_quirks import load_quirks
from config.vendor_statements import read_vendor_statement
from fhir_mappings.bundle import Search
from fhir_mappings.searches import questions
from service.ehr.asking import fit_search
from service.ehr.capability import Capability, capability_from
from service.ehr.quirks import with_quirks
from service.sandbox.mode import VENDORS
from service.sandbox.written.books import WRITTEN
from tests.unit.sandbox.shelf import Playing

TODAY = date(2026, 12, 1)
PRODUCTS = {
    "epic-like": "epic",
    "oracle-like": "oracle-health",
    "meditech-like": "meditech",
    "athena-like": "athenahealth",
}


def capability_of(vendor):
    return with_quirks(capability_from(read_vendor_statement(PRODUCTS[vendor])), load_quirks())


def fitted(parameters, **rules):
    search = Search("Observation", (("patient", "7"), *parameters))
    return fit_search(search, Capability(**rules), TODAY).parameters[1:]


CLOSED = {"closed_dates": {"Observation?date": ("gt", "le")}}


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        (["ge2026-01-01"], ["gt2026-01-01T00:00:00Z", "le2028-12-01T00:00:00Z"]),
        (["lt2026-01-01"], ["gt1900-01-01T00:00:00Z", "le2026-01-01T00:00:00Z"]),
        (["ge2026-01-01", "lt2026-02-01"], ["gt2026-01-01T00:00:00Z", "le2026-02-01T00:00:00Z"]),
        (["ge2026-01-01T10:00:00Z"], ["gt2026-01-01T10:00:00Z", "le2028-12-01T00:00:00Z"]),
        (["2026-01-01"], ["2026-01-01"]),
        ([], []),
    ],
)
def test_a_date_becomes_a_range_with_two_ends(asked, sent):
    assert fitted([("date", value) for value in asked], **CLOSED) == tuple(("date", value) for value in sent)


def test_a_date_of_a_server_without_such_a_rule_is_left_as_it_is():
    assert fitted([("date", "ge2026-01-01")]) == (("date", "ge2026-01-01"),)
    assert fitted([("date", "ge2026-01-01")], closed_dates={"Procedure?date": ("ge", "le")}) == (
        ("date", "ge2026-01-01"),
    )


def test_what_always_goes_with_a_type_is_added_once():
    rules = {"always_with": {"Observation": {"-level": "patient"}}}
    assert fitted([], **rules) == (("-level", "patient"),)
    assert fitted([("-level", "encounter")], **rules) == (("-level", "encounter"),)


def test_a_read_by_id_is_left_as_it_is():
    search = Search("RelatedPerson", id="1")
    assert fit_search(search, capability_of("oracle-like"), TODAY) == search


@pytest.mark.parametrize("vendor", VENDORS)
def test_no_question_of_a_plan_is_refused_by_the_vendors_written_rules(vendor):
    capability = capability_of(vendor)
    asked, _ = questions("Patient/7", TODAY, capability)
    refused = {}
    for question in asked:
        search = fit_search(question.search, capability, TODAY)
        is_known = capability.left_out(search.resource_type, [name for name, _ in search.parameters])
        if search.id or is_known or question.extra:
            continue
        status = Playing(vendor, WRITTEN[vendor]).ask("GET", search.url).status
        if status >= 400:
            refused[search.url] = status
    assert refused == {}
