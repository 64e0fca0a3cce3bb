import pytest

from config.content import load_content
from config.ehr_quirks import load_quirks
from config.hook_shapes import read_hook_shape
from config.marked_yaml import read_yaml
from config.preference_list import check_services, read_preference_list
from config.vendor_statements import read_vendor_statement
from service.domain.hook_shape import AS_SPECIFIED, HookShape, OrderCodes
from service.domain.preference_list import ListedOrder, listed_order
from service.ehr.capability import capability_from
from service.ehr.quirks import with_quirks
from service.errors import ConfigurationError

KEYS = "urn:com.epic.cdshooks.action.code.system.preference-list-item"


@pytest.fixture
def entry(tmp_path):
    def read(text):
        (tmp_path / "x.yaml").write_text(text)
        return read_yaml(tmp_path / "x.yaml", "x.yaml")

    return read


def test_a_key_keeps_all_its_digits_and_an_order_may_be_read_otherwise(entry):
    table = read_preference_list(entry("food-pantry: 004711\nwic: {code: WIC1, read_as: [Z9, '12']}"))
    assert table == {
        "food-pantry": ListedOrder("004711"),
        "wic": ListedOrder("WIC1", frozenset({"z9", "12"})),
    }
    assert table["wic"].names(["wic1 "])
    assert table["wic"].names(["0", "Z9"])
    assert not table["wic"].names(["1", "Z"])


@pytest.mark.parametrize(
    ("key", "service"),
    [
        ("referral:food-pantry", "food-pantry"),
        ("referral:food-pantry:private", "food-pantry"),
        ("referral:food-pantry:protected", "food-pantry"),
        ("social-work-follow-up", "social-work-follow-up"),
    ],
)
def test_an_item_has_the_order_of_its_service_whoever_may_read_it(key, service):
    order = ListedOrder("1")
    assert listed_order(key, {service: order}) is order


@pytest.mark.parametrize("key", ["goal:food-insecurity:food-pantry", "referral:wic", "care-plan", ""])
def test_another_item_has_none(key):
    assert listed_order(key, {"food-pantry": ListedOrder("1")}) is None


def test_a_service_that_the_content_does_not_know_stops_the_start():
    content = load_content()
    tables = {"north": {"food-pantry": ListedOrder("1"), "social-work-follow-up": ListedOrder("2")}}
    check_services(tables, {"north": content}, "tenants.yaml")
    tables["north"]["food-pantries"] = ListedOrder("3")
    with pytest.raises(
        ConfigurationError, match=r"tenants\.yaml: preference_list of north names food-pantries"
    ):
        check_services(tables, {"north": content}, "tenants.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "says nothing of its hooks"),
        ("order_codes: preference-list", "go together"),
        ("order_system: urn:x", "go together"),
        ("order_codes: everything", "is not one of any, preference-list"),
        ("one_card: yes", "unknown key"),
    ],
)
def test_a_shape_of_hooks_that_says_half_is_refused(entry, text, said):
    with pytest.raises(ConfigurationError, match=said):
        read_hook_shape(entry(text))


def test_epic_takes_orders_by_key_and_others_as_the_specification_has_it():
    epic = with_quirks(capability_from(read_vendor_statement("epic")), load_quirks())
    assert epic.hooks == HookShape(order_codes=OrderCodes.PREFERENCE_LIST, order_system=KEYS)
    oracle = with_quirks(capability_from(read_vendor_statement("oracle-health")), load_quirks())
    assert oracle.hooks == AS_SPECIFIED
