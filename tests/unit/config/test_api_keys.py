import pytest

from config.api_keys import load_api_keys
from service.domain.access import Role, Scope
from service.errors import ConfigurationError

DIGEST = "a" * 64
GOOD = f"""\
keys:
  - name: ward-3
    sha256: {DIGEST.upper()}
    scopes: [plans:read, plans:approve]
    tenants: [example-hospital]
    role: social-worker
    person: Dana Example, MSW
    practitioner: Practitioner/dana
  - name: board
    sha256: {"b" * 64}
    scopes: [caseload:read]
    tenants: example-hospital
"""


def load(tmp_path, text):
    path = tmp_path / "keys.yaml"
    path.write_text(text)
    return load_api_keys(path)


def test_a_key_says_who_holds_it_and_what_for(tmp_path):
    ward, board = load(tmp_path, GOOD)
    assert (ward.name, ward.sha256, ward.role) == ("ward-3", DIGEST, Role.SOCIAL_WORKER)
    assert ward.scopes == {Scope.PLANS_READ, Scope.PLANS_APPROVE}
    assert (ward.person, ward.practitioner) == ("Dana Example, MSW", "Practitioner/dana")
    assert (board.role, board.tenants, board.person) == (Role.PROGRAM, {"example-hospital"}, "")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (DIGEST.upper(), "the key itself", r"keys.yaml:3: this is not a SHA-256"),
        ("plans:read", "plans:everything", r"keys.yaml:4: 'plans:everything' is not one of"),
        ("social-worker", "ehr", r"keys.yaml:6: expected program"),
        ("role: social-worker", "role: manager", r"keys.yaml:7: a person who decides"),
        ("Practitioner/dana", "Patient/dana", r"keys.yaml:8: expected a literal reference"),
        ("b" * 64, DIGEST, r"keys.yaml:9: another key has this name or digest"),
        ("name: board", "name: ward-3", r"another key has this name"),
        ("    tenants: example-hospital\n", "", r"keys.yaml:9: tenants is missing"),
        ("name: board", "label: board", r"unknown key 'label'"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_without_the_digest(tmp_path, old, new, said):
    with pytest.raises(ConfigurationError, match=said) as raised:
        load(tmp_path, GOOD.replace(old, new))
    assert DIGEST not in str(raised.value).lower()


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="HOMEWARD_API_KEYS_FILE"):
        load_api_keys(tmp_path / "nowhere.yaml")
