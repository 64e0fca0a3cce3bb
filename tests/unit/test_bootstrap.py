import pytest

from config.settings import load_settings
from service import bootstrap
from service.ehr.borrowed import BorrowedEhr
from service.ehr.lent import LentAllowance
from service.errors import ConfigurationError
from service.store import embedded, open_engine

TENANTS = """\
tenants:
  - id: one
    fhir_base_url: http://127.0.0.1:9/fhir
    organization: Example Hospital
"""


@pytest.fixture
def deps(tmp_path):
    (tmp_path / "tenants.yaml").write_text(TENANTS)
    settings = {
        "HOMEWARD_DATABASE_URL": f"postgresql://nobody@/none?host={tmp_path}",
        "HOMEWARD_TENANTS_FILE": str(tmp_path / "tenants.yaml"),
    }
    return bootstrap.build_deps(load_settings(settings))


def test_nothing_is_connected_to_until_it_is_used(deps):
    assert set(deps.tenants) == {"one"}
    assert deps.ehr("one").tenant is deps.tenants["one"]


def test_a_hospital_has_one_client_in_a_process(deps):
    assert deps.ehr("one") is deps.ehr("one")


def test_the_limits_of_a_hospital_are_lent_by_the_store_and_a_lent_token_is_under_them_too(deps):
    ehr = deps.ehr("one")
    assert isinstance(ehr.allowance, LentAllowance)
    assert BorrowedEhr(ehr, "token", seconds=0.1).allowance is ehr.allowance


def test_the_ehr_of_a_hospital_that_is_not_served_is_not_asked(deps):
    with pytest.raises(ConfigurationError, match="HOMEWARD_TENANTS_FILE"):
        deps.ehr("two")


def test_the_clock_knows_its_zone(deps):
    assert deps.now().utcoffset() is not None


def test_without_a_tenants_file_nobody_is_served(tmp_path):
    url = f"postgresql://nobody@/none?host={tmp_path}"
    assert bootstrap.build_deps(load_settings({"HOMEWARD_DATABASE_URL": url})).tenants == {}


def test_without_a_database_url_the_embedded_one_is_started(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded, "start", lambda state_dir: f"postgresql:///{state_dir.name}")
    settings = load_settings({"HOMEWARD_STATE_DIR": str(tmp_path / "here")})
    assert bootstrap.database_url(settings) == "postgresql:///here"


@pytest.mark.parametrize(
    "url",
    [
        "swordfish",
        "mysql://a:swordfish@b/c",
        "postgresql://a:swordfish@b:x/c",
        "postgresql://a@b/c?swordfish=1",
        "postgresql+psycopg://a:swordfish@b/c",
    ],
)
def test_an_address_that_is_none_is_refused_without_being_repeated(url):
    with pytest.raises(ConfigurationError) as caught:
        open_engine(url)
    assert "swordfish" not in str(caught.value)
