import pytest

from config.settings import load_settings
from service.errors import ConfigurationError


def test_without_any_variable_the_defaults_hold():
    settings = load_settings({})
    assert (settings.bind, settings.open_access, settings.database_url) == ("127.0.0.1:8000", False, "")


def test_everything_wrong_is_said_at_once_and_without_its_value():
    wrong = {
        "HOMEWARD_WEB_WORKERS": "0",
        "HOMEWARD_OPEN_ACCESS": "yes",
        "HOMEWARD_PUBLIC_URL": "homeward.example",
        "HOMEWARD_LOG_LEVEL": "loud",
        "HOMEWARD_BIND": "everywhere",
        "HOMEWARD_JOB_CONCURRENCY": "many",
        "HOMEWARD_DATABASE": "postgresql://somebody:secret@host/name",
    }
    with pytest.raises(ConfigurationError) as raised:
        load_settings(wrong)
    said = str(raised.value)
    for variable, value in wrong.items():
        assert variable in said
        assert value == "0" or value not in said


@pytest.mark.parametrize(
    "bind", ["127.0.0.1:0", "0.0.0.0:8000", "[::1]:8000", "unix:/run/homeward.sock", "host:80"]
)
def test_an_address_to_listen_on_is_taken(bind):
    assert load_settings({"HOMEWARD_BIND": bind}).bind == bind


@pytest.mark.parametrize(
    "bind", ["8000", ":8000", "host", "host:", "http://host:80", "host:123456", "host:65536", "h:²"]
)
def test_what_is_no_address_is_refused(bind):
    with pytest.raises(ConfigurationError, match="HOMEWARD_BIND must be like"):
        load_settings({"HOMEWARD_BIND": bind})


def test_for_a_misspelt_variable_the_right_one_is_named():
    with pytest.raises(ConfigurationError, match=r"HOMEWARD_TENANT_FILE .* mean HOMEWARD_TENANTS_FILE\?"):
        load_settings({"HOMEWARD_TENANT_FILE": "tenants.yaml"})


@pytest.mark.parametrize("count", ["0", "-1", "1.5", "", "²", "many"])
def test_what_counts_nothing_is_refused_with_what_would_do(count):
    with pytest.raises(ConfigurationError, match="HOMEWARD_WEB_WORKERS must be a whole number, 1 or more"):
        load_settings({"HOMEWARD_WEB_WORKERS": count})


def test_secrets_do_not_show():
    settings = load_settings(
        {"HOMEWARD_DATABASE_URL": "postgresql://u:hidden@h/n", "HOMEWARD_STATE_DIR": "x"}
    )
    assert "hidden" not in repr(settings)


def test_variables_of_others_are_none_of_our_business():
    assert load_settings({"PATH": "/bin", "HOME": "/nowhere"}) == load_settings({})


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"HOMEWARD_BIND": "0.0.0.0:9001"}, "http://127.0.0.1:9001"),
        ({"HOMEWARD_BIND": "[::1]:9001"}, "http://127.0.0.1:9001"),
        ({"HOMEWARD_BIND": "unix:/run/homeward.sock"}, "http://127.0.0.1:8000"),
        (
            {"HOMEWARD_BIND": "127.0.0.1:9001", "HOMEWARD_PUBLIC_URL": "https://homeward.example/"},
            "https://homeward.example",
        ),
    ],
)
def test_without_a_public_address_it_is_this_machines_with_the_port_listened_on(given, address):
    assert load_settings(given).public_url == address


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({}, ""),
        ({"HOMEWARD_BIND": "0.0.0.0:9001"}, ""),
        ({"HOMEWARD_PUBLIC_URL": "https://homeward.example/"}, "https://homeward.example"),
    ],
)
def test_charts_link_to_an_address_that_somebody_named(given, address):
    assert load_settings(given).linked_url == address
