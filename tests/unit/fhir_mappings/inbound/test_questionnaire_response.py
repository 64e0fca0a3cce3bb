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
        [{"linkId": "1", "answer": [["yes"]]}],
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


HVS = "http://forms.example/Questionnaire/hvs"


def _questionnaire(**more):
    item = {"linkId": "1.1", "type": "choice", "code": [{"system": systems.LOINC, "code": "88122-7"}]}
    return {"resourceType": "Questionnaire", "id": "f", "url": HVS, "version": "2", "item": [item], **more}


@pytest.mark.parametrize(
    "link",
    [
        "/88122-7",
        "88122-7.1",
        "LOINC_88122-7",
        "loinc-88122-7",
        "LOINC88122-7",
        "ahc.88122-7",
        "q_88122-7_2",
        "93025-5/88122-7",
        "hvs:88122-7",
    ],
)
def test_a_loinc_number_is_found_within_a_link_id(link):
    assert _codes({"linkId": link, "answer": [OFTEN]}) == [Code(System.LOINC, "88122-7")]


@pytest.mark.parametrize(
    "link", ["88122-8", "188122-7-1", "a88122-7", "0b9c1f2e-4d5a-88122-7", "12-3", "2024-03-02", "1.1"]
)
def test_no_number_is_taken_out_of_a_longer_one(link):
    assert [code.system for code in _codes({"linkId": link, "answer": [OFTEN]})] == [""]


@pytest.mark.parametrize(
    ("address", "contained", "shared"),
    [
        ({"questionnaire": "#f"}, [_questionnaire()], {}),
        ({"questionnaire": HVS}, [_questionnaire()], {}),
        ({}, [_questionnaire()], {}),
        ({"questionnaire": HVS}, [], {HVS: _questionnaire()}),
        ({"questionnaire": f"{HVS}|2"}, [], {f"{HVS}|2": _questionnaire()}),
        ({"questionnaire": f"{HVS}|1"}, [], {HVS: _questionnaire()}),
        ({"questionnaire": "Questionnaire/f"}, [], {"Questionnaire/f": _questionnaire()}),
        ({"questionnaire": {"reference": "Questionnaire/f"}}, [], {"Questionnaire/f": _questionnaire()}),
        (
            {
                "_questionnaire": {
                    "extension": [
                        {"url": f"{systems.US_CORE}us-core-extension-questionnaire-uri", "valueUri": HVS}
                    ]
                }
            },
            [],
            {HVS: _questionnaire()},
        ),
    ],
)
def test_the_codes_of_a_form_are_those_of_its_answers(address, contained, shared):
    given = _form({"linkId": "1.1", "answer": [OFTEN]}, contained=contained, **address)
    (found,) = answers(given, shared) or ()
    assert found.codes == (Code(System.LOINC, "88122-7"),)


def test_a_form_that_is_none_is_not_followed():
    given = _form({"linkId": "1.1", "answer": [OFTEN]}, questionnaire="Patient/p1")
    (found,) = answers(given, {"Patient/p1": {"resourceType": "Patient", "item": 3}}) or ()
    assert found.codes[0].system == "Patient/p1"


def test_the_words_and_the_points_of_an_option_are_those_of_the_form():
    option = {
        "valueCoding": {"code": "opt-3", "display": "Often true"},
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/ordinalValue", "valueDecimal": 2}],
    }
    form = _questionnaire(item=[{"linkId": "1.1", "text": "Worried?", "answerOption": [option]}])
    given = _form({"linkId": "1.1", "answer": [{"valueCoding": {"code": "opt-3"}}]}, contained=[form])
    (found,) = answers(given) or ()
    assert (found.answers[0].display, found.quantity) == ("Often true", Quantity(2))


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("Often true", "Often true"),
        (["Often true"], "Often true"),
        ([True], "true"),
        ([{"valueCode": "often"}], "often"),
        ([{"valueCodeableConcept": {"text": "Often true"}}], "Often true"),
        ([{"valueReference": {"reference": "Practitioner/1", "display": "Dr. Example"}}], "Dr. Example"),
        ([{"valueAttachment": {"title": "Letter"}}], "Letter"),
        ([{"valueUri": "http://example.org"}], "http://example.org"),
    ],
)
def test_what_people_send_for_an_answer_is_read(answer, text):
    (found,) = answers(_form({"linkId": "88122-7", "answer": answer})) or ()
    assert found.text == text


def test_an_answer_on_the_item_itself_is_read():
    (found,) = answers(_form({"linkId": "88122-7", "valueString": "Often true"})) or ()
    assert found.text == "Often true"


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (
            {"answer": [{"extension": [{"url": systems.DATA_ABSENT_REASON, "valueCode": "asked-declined"}]}]},
            "",
        ),
        (
            {
                "answer": [
                    {
                        "_valueString": {
                            "extension": [{"url": systems.DATA_ABSENT_REASON, "valueCode": "asked-declined"}]
                        }
                    }
                ]
            },
            "asked-declined",
        ),
        (
            {"extension": [{"url": systems.DATA_ABSENT_REASON, "valueCode": "asked-declined"}]},
            "asked-declined",
        ),
        (
            {
                "answer": [
                    {
                        "valueCoding": {
                            "system": "http://terminology.hl7.org/CodeSystem/v3-NullFlavor",
                            "code": "ASKU",
                        }
                    }
                ]
            },
            "asked-unknown",
        ),
    ],
)
def test_why_there_is_no_answer_is_kept(item, reason):
    found = answers(_form({"linkId": "88122-7", **item})) or ()
    assert [one.absent for one in found] == ([reason] if reason else [])


def test_the_words_of_a_question_are_kept_beside_its_code():
    (found,) = answers(_form({"linkId": "88122-7", "text": "Worried?", "answer": [OFTEN]})) or ()
    assert found.asked == "Worried?"


def test_an_item_knows_the_words_of_the_groups_it_stands_in():
    deep = {"linkId": "1.1.1", "text": "In the past year?", "answer": [{"valueString": "Yes"}]}
    form = {
        "resourceType": "QuestionnaireResponse",
        "id": "q",
        "status": "completed",
        "item": [
            {
                "linkId": "1",
                "text": "Housing",
                "item": [{"linkId": "1.1", "text": "Homelessness", "item": [deep]}],
            },
            {"linkId": "2", "text": "Ever?", "answer": [{"valueBoolean": True, "item": [deep]}]},
        ],
    }
    read = answers(form)
    assert read is not None
    assert [one.under for one in read] == [("Homelessness", "Housing"), (), ("Ever?",)]
