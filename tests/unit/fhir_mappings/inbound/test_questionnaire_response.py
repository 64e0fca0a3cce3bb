from datetime import UTC, datetime

import pytest

from fhir_mappings import systems
from fhir_mappings.inbound.questionnaire_response import answers
from service.domain.codes import Code, System
from service.domain.record import Quantity
from service.domain.sensitivity import Label
from tests.builders import concept, resource

OFTEN = {"valueCoding": {"system": systems.LOINC, "code": "LA28397-0", "display": "Often true"}}


def _form(*items, **more):
    given = {"status": "completed", "authored": "2024-03-02", **more}
    return resource("QuestionnaireResponse", "q", item=list(items), **given)


def _codes(*items, **more):
    return [one.codes[0] for one in answers(_form(*items, **more)) or ()]


def test_an_answer_is_an_observation_with_its_question_and_time():
    (found,) = (
        answers(
            _form(
                {"linkId": "/88122-7", "text": "Worried?", "answer": [OFTEN]},
                meta={"security": [{"code": "SDV"}]},
            )
        )
        or ()
    )
    assert found.reference == "QuestionnaireResponse/q"
    assert found.codes == (Code(System.LOINC, "88122-7", "Worried?"),)
    assert found.answers == (Code(System.LOINC, "LA28397-0", "Often true"),)
    assert (found.status, found.at) == ("final", datetime(2024, 3, 2, tzinfo=UTC))
    assert found.categories == {"survey"}
    assert found.labels == {Label.SDV}


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ({"linkId": "44250-9"}, Code(System.LOINC, "44250-9")),
        ({"linkId": "/93043-8/56051-6"}, Code(System.LOINC, "56051-6")),
        ({"linkId": "3", "definition": "http://loinc.org/vs#44250-9"}, Code(System.LOINC, "44250-9")),
        (
            {"linkId": "3", "code": [concept("44250-9", systems.LOINC)["coding"][0]]},
            Code(System.LOINC, "44250-9"),
        ),
        ({"linkId": "q3"}, Code("http://hospital.example/Questionnaire/mood", "q3")),
        ({"linkId": "1-2"}, Code("http://hospital.example/Questionnaire/mood", "1-2")),
        ({"text": "How are you?"}, Code(System.TEXT, "How are you?")),
    ],
)
def test_a_question_is_known_by_its_loinc_number_wherever_it_stands(item, code):
    asked = {**item, "answer": [OFTEN]}
    assert _codes(asked, questionnaire="http://hospital.example/Questionnaire/mood|1.0") == [code]


def test_nested_items_come_in_the_order_of_the_form_with_the_group_as_their_panel():
    group = {
        "linkId": "/93043-8",
        "item": [
            {
                "linkId": "/93043-8/56051-6",
                "answer": [OFTEN],
                "item": [{"linkId": "32624-9", "answer": [OFTEN]}],
            },
            {
                "linkId": "x",
                "item": [
                    {
                        "linkId": "54899-0",
                        "answer": [{**OFTEN, "item": [{"linkId": "88122-7", "answer": [OFTEN]}]}],
                    }
                ],
            },
        ],
    }
    found = (
        answers(
            _form(group, {"linkId": "88123-5", "answer": [OFTEN]}, questionnaire="http://loinc.org/q/93025-5")
        )
        or ()
    )
    assert [one.codes[0].code for one in found] == ["56051-6", "32624-9", "54899-0", "88122-7", "88123-5"]
    assert [one.panel[0].code for one in found] == ["93043-8"] * 4 + ["93025-5"]


@pytest.mark.parametrize(
    ("answer", "field", "value"),
    [
        ({"valueBoolean": True}, "text", "true"),
        ({"valueInteger": 6}, "quantity", Quantity(6)),
        ({"valueDecimal": 25000}, "quantity", Quantity(25000)),
        ({"valueString": "Broadway"}, "text", "Broadway"),
        ({"valueQuantity": {"value": 3, "unit": "d"}}, "quantity", Quantity(3, "d")),
    ],
)
def test_answers_of_every_type_are_read(answer, field, value):
    (found,) = answers(_form({"linkId": "88122-7", "answer": [answer]})) or ()
    assert getattr(found, field) == value


def test_several_answers_to_one_question_stay_together():
    both = [
        OFTEN,
        {"valueCoding": {"system": systems.LOINC, "code": "LA6729-3"}},
        {"valueString": "a"},
        {"valueString": "b"},
    ]
    (found,) = answers(_form({"linkId": "88122-7", "answer": both})) or ()
    assert [one.code for one in found.answers] == ["LA28397-0", "LA6729-3"]
    assert found.text == "a; b"


def test_an_unanswered_question_is_left_out():
    assert answers(_form({"linkId": "88122-7"}, {"linkId": "88123-5", "answer": []})) == ()
    assert (
        answers(_form({"linkId": "88122-7", "answer": [{"valueReference": {"reference": "Patient/p1"}}]}))
        == ()
    )


@pytest.mark.parametrize(
    ("status", "read"),
    [("amended", "amended"), ("in-progress", "preliminary"), ("stopped", "preliminary"), (None, "unknown")],
)
def test_a_form_that_was_not_finished_is_preliminary(status, read):
    (found,) = answers(_form({"linkId": "88122-7", "answer": [OFTEN]}, status=status)) or ()
    assert found.status == read


@pytest.mark.parametrize(
    "items",
    [
        ["x"],
        [{"linkId": "1", "answer": "yes"}],
        [{"linkId": "1", "answer": [{"valueCoding": 5}]}],
        [{"linkId": "1", "item": "x"}],
    ],
)
def test_a_form_with_a_part_that_cannot_be_read_is_not_understood(items):
    assert answers(_form(*items)) is None


def test_deep_nesting_is_no_harm():
    item = {"linkId": "88122-7", "answer": [OFTEN]}
    for _ in range(5000):
        item = {"item": [item]}
    assert _codes(item) == [Code(System.LOINC, "88122-7")]
