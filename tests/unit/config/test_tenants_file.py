import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from config.tenants import PATIENT_DISCHARGE
from config.tenants_file import load_tenants
from service.errors import ConfigurationError

_DOCS = Path(__file__).parents[3] / "docs" / "tenants.md"
SMALLEST = """\
tenants:
  - id: one
    fhir_base_url: https://ehr.example.org/fhir/
    organization: Example Hospital
"""


@pytest.fixture
def read(tmp_path):
    def load(text, environ=None):
        (tmp_path / "tenants.yaml").write_text(text)
        return load_tenants(tmp_path / "tenants.yaml", environ or {})

    return load


def test_three_lines_are_enough_and_the_rest_has_defaults(read):
    tenant = read(SMALLEST)["one"]
    assert tenant.fhir_base_url == "https://ehr.example.org/fhir"
    assert tenant.order_codes == {PATIENT_DISCHARGE}
    assert (tenant.auth.kind, tenant.time_zone, tenant.subscription_secret) == ("none", ZoneInfo("UTC"), "")


def test_the_documented_example_is_a_tenants_file(read, tmp_path):
    [example] = re.findall(r"```yaml\n(.*?)```", _DOCS.read_text(), re.DOTALL)
    (tmp_path / "secret").write_text("from a file\n")
    example = example.replace("/run/secrets/example-hospital-subscription", str(tmp_path / "secret"))
    tenant = read(example, {"EXAMPLE_HOSPITAL_TOKEN": "from the environment"})["example-hospital"]
    assert tenant.auth.secret == "from the environment"
    assert tenant.subscription_secret == "from a file"
    assert tenant.time_zone == ZoneInfo("America/New_York")


def test_secrets_do_not_show(read):
    tenant = read(SMALLEST + "    subscription_secret: env:S\n", {"S": "hidden words"})["one"]
    assert "hidden" not in repr(tenant)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "[::1]:80"])
def test_plain_http_is_for_this_machine(read, host):
    assert read(SMALLEST.replace("https://ehr.example.org", f"http://{host}"))["one"].fhir_base_url


@pytest.mark.parametrize(
    ("line", "wrong", "remedy"),
    [
        (3, "fhir_base_url: http://ehr.example.org/fhir", "use https://"),
        (3, "fhir_base_url: ehr.example.org", "https://host/path"),
        (3, "fhir_base_url: https://user:pass@ehr.example.org", "under auth"),
        (4, "organisation: Example Hospital", "unknown key 'organisation'"),
        (2, "- id: One Hospital", "small letters"),
        (5, "time_zone: Mars/Olympus", "America/New_York"),
        (5, "order_codes: [discharge]", "system|code"),
        (5, "subscription_secret: swordfish", "env:NAME or file:PATH"),
        (5, "subscription_secret: env:MISSING", "MISSING is missing or empty"),
        (5, "subscription_secret: file:/no/such/file", "/no/such/file is missing or empty"),
        (5, "auth: {kind: oauth}", "none, basic, bearer, smart"),
        (5, "auth: {kind: basic, secret: env:A}", "secret and username"),
        (5, "auth: {kind: none, secret: env:A}", "nothing else"),
        (5, "max_connections: 0", "above 0"),
        (5, "read_timeout_seconds: soon", "number"),
        (5, "organization_reference: St Example", "Organization/id"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_remedy(read, line, wrong, remedy):
    lines = SMALLEST.splitlines()
    lines[line - 1 : line] = [wrong if wrong.startswith("-") else f"    {wrong}"]
    lines = [f"  {text}" if text.startswith("-") else text for text in lines]
    with pytest.raises(ConfigurationError) as caught:
        read("\n".join(lines), {"A": "x"})
    assert str(caught.value).startswith(f"tenants.yaml:{line}: ")
    assert remedy in str(caught.value)


def test_a_secret_never_stands_in_an_error(read):
    with pytest.raises(ConfigurationError) as caught:
        read(SMALLEST + "    subscription_secret: swordfish\n")
    assert "swordfish" not in str(caught.value)


def test_a_hospital_stands_there_once(read):
    with pytest.raises(ConfigurationError, match="twice"):
        read(SMALLEST + SMALLEST.removeprefix("tenants:\n"))


def test_a_file_that_is_not_there_is_told_with_its_setting(tmp_path):
    with pytest.raises(ConfigurationError, match="HOMEWARD_TENANTS_FILE"):
        load_tenants(tmp_path / "missing.yaml")
