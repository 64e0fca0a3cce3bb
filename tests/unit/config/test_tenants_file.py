import re
from base64 import urlsafe_b64encode
from dataclasses import fields
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import ECKey

from config.conventions import PATIENT_DISCHARGE
from config.tenants import ServiceArea, Tenant, WritePolicy
from config.tenants_file import load_tenants
from service.errors import ConfigurationError
from tests.smart_keys import EC_KEY, RSA_KEY

EXAMPLE = Path(__file__).parents[3] / "config" / "tenants.example.yaml"
PEM = EC_KEY.private.as_pem(private=True).decode()
OTHER_PEM = RSA_KEY.private.as_pem(private=True).decode()
PUBLIC_PEM = EC_KEY.private.as_pem(private=False).decode()
LOCKED_PEM = EC_KEY.private.as_pem(private=True, password="swordfish").decode()
P256_PEM = ECKey.generate_key("P-256").as_pem(private=True).decode()
WEAK = rsa.generate_private_key(65537, 1024)  # noqa: S505  it is to be refused
WEAK_PEM = WEAK.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
SMALLEST = """\
tenants:
  - id: one
    fhir_base_url: https://ehr.example.org/fhir/
    organization: Example Hospital
"""


WEAK_MODULUS = urlsafe_b64encode(WEAK.public_key().public_numbers().n.to_bytes(128)).rstrip(b"=").decode()
SECRETS = {
    "A": "x",
    "PEM": PEM,
    "PUBLIC": PUBLIC_PEM,
    "WEAK": WEAK_PEM,
    "P256": P256_PEM,
    "LOCKED": LOCKED_PEM,
    "SYMMETRIC": '{"kty": "oct", "k": "c2VjcmV0"}',
    "BROKEN_JWK": '{"kty": "EC", "crv": "P-384", "x": "a", "y": "b", "d": "c"}',
    "NO_JSON": "{kty: EC}",
}


@pytest.fixture
def read(tmp_path):
    def load(text, environ=None):
        (tmp_path / "tenants.yaml").write_text(text)
        return load_tenants(
            tmp_path / "tenants.yaml", environ or {}, known_quirks={"known-quirk", "prefer-representation"}
        )

    return load


def test_three_lines_are_enough_and_the_rest_has_defaults(read):
    tenant = read(SMALLEST)["one"]
    assert tenant.fhir_base_url == "https://ehr.example.org/fhir"
    assert tenant.order_codes == {PATIENT_DISCHARGE}
    assert (tenant.auth.kind, tenant.time_zone, tenant.subscription_secret) == ("none", ZoneInfo("UTC"), "")


@pytest.fixture
def example(read, tmp_path):
    """The documented example with its secrets in place."""
    text = (
        EXAMPLE.read_text()
        .replace("/run/secrets", str(tmp_path))
        .replace("/etc/homeward/general", str(tmp_path))
    )
    (tmp_path / "example-hospital-key").write_text(PEM)
    (tmp_path / "example-hospital-subscription").write_text("from a file\n")
    environ = {"EXAMPLE_HOSPITAL_NEXT_KEY": OTHER_PEM, "EXAMPLE_HOSPITAL_OLD_SUBSCRIPTION": "from before"}
    return read(text, environ)["example-hospital"]


def test_the_documented_example_is_a_tenants_file(example):
    assert [key.algorithm for key in example.auth.keys] == ["ES384", "RS384"]
    assert example.subscription_secrets == ("from a file", "from before")
    assert example.time_zone == ZoneInfo("America/New_York")
    assert example.service_area == ServiceArea(
        postal_codes=frozenset({"60601", "60602"}), default_postal_code="60601"
    )
    assert example.token_issuers[0].client_ids == {"discharge-lounge"}
    assert not example.attestations.enforces_security_labels


def test_the_example_shows_every_line_there_is(read):
    with pytest.raises(ConfigurationError) as caught:
        read(SMALLEST + "    nonsense: 1\n")
    known = str(caught.value).partition("known are ")[2].split(", ")
    shown = re.findall(r"^(?:  - |    )(\w+):", EXAMPLE.read_text(), re.MULTILINE)
    assert sorted(shown) == sorted(known) == sorted(field.name for field in fields(Tenant))


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
        (5, "encounter_classes: {HOV: inpatient}", "ActCode"),
        (5, "encounter_classes: [IMP]", "a mapping"),
        (5, "preference_list: {}", "leave preference_list out"),
        (5, "preference_list: [a]", "a mapping"),
        (5, "preference_list: {Food pantry: '1'}", "referral_services.csv"),
        (5, "preference_list: {food-pantry: ''}", "a text"),
        (5, "preference_list: {food-pantry: 'urn:x|1'}", "without its system"),
        (5, "preference_list: {food-pantry: 'a b'}", "no space"),
        (5, "preference_list: {food-pantry: {read_as: [a]}}", "code is missing"),
        (5, "preference_list: {food-pantry: {code: a, system: b}}", "unknown key 'system'"),
        (5, "preference_list: {food-pantry: a, food-pantry: b}", "stands here twice"),
        (5, "preference_list: {food-pantry: a, wic: A}", "stands for food-pantry already"),
        (
            5,
            "preference_list: {food-pantry: a, wic: {code: b, read_as: [A]}}",
            "stands for food-pantry already",
        ),
        (5, "subscription_secret: swordfish", "env:NAME or file:PATH"),
        (5, "subscription_secret: env:MISSING", "MISSING is missing or empty"),
        (5, "subscription_secret: file:/no/such/file", "/no/such/file is missing or empty"),
        (5, "auth: {kind: oauth}", "none, basic, bearer, smart"),
        (5, "auth: {kind: basic, secret: env:A}", "secret and username"),
        (5, "auth: {kind: none, secret: env:A}", "nothing else"),
        (5, "max_connections: 0", "above 0"),
        (5, "read_timeout_seconds: soon", "number"),
        (5, "organization_reference: St Example", "Organization/id"),
        (5, "social_work_reference: Patient/1", "CareTeam or Group or"),
        (5, "author_practitioner: Device/1", "Practitioner/id"),
        (5, "message_sender: Group/1", "Practitioner/id"),
        (5, "problems: yes", "no, problem-list, encounter-diagnosis"),
        (5, "note_type: 18776-5", "system|code"),
        (5, "unsigned_documents: perhaps", "yes or no"),
        (3, "fhir_base_url: https://ehr.example.org:port/fhir", "not an address"),
        (3, "fhir_base_url: https://ehr.example.org/fhir?tenant=1", "no query"),
        (5, "language: English, please", "language tag"),
        (5, "write_policy: everything", "off, shadow, draft, full"),
        (5, "write_policy: Draft", "off, shadow, draft, full"),
        (5, "previous_subscription_secret: env:A", "subscription_secret"),
        (5, "max_connections: 2.5", "whole number"),
        (5, "requests_per_second: 0", "above 0"),
        (5, "service_area: {postal_codes: [Chicago]}", "five digits"),
        (5, 'service_area: {postal_codes: ["60601"], default_postal_code: "60602"}', "postal_codes"),
        (5, "attestations: {enforces_security_labels: maybe}", "yes or no"),
        (5, "attestations: {enforces_security_lables: yes}", "unknown key"),
        (5, "census_list: inpatients", "List/id, Group/id or file:/PATH"),
        (5, "quirks: [epic]", "known are known-quirk"),
        (5, "auth: {kind: smart, client_id: x}", "client_id and keys"),
        (5, "auth: {kind: smart, client_id: x, keys: []}", "at least one"),
        (5, "auth: {kind: smart, client_id: x, keys: [key.pem]}", "env:NAME or file:PATH"),
        (5, "auth: {kind: smart, client_id: x, keys: [env:PEM, env:PEM]}", "twice"),
        (5, "auth: {kind: smart, client_id: x, keys: [env:WEAK]}", "shorter than 2048 bits"),
        (5, "auth: {kind: smart, client_id: x, keys: [env:P256]}", "P-384"),
        (5, "auth: {kind: smart, client_id: x, keys: [env:PUBLIC]}", "public key"),
        (5, "auth: {kind: smart, client_id: x, keys: [env:LOCKED]}", "has a passphrase; write it without"),
        (5, "auth: {kind: smart, client_id: x, keys: [env:A]}", "not a key"),
        (5, "auth: {kind: smart, client_id: x, keys: [env:SYMMETRIC]}", "RSA or EC"),
        (5, "auth: {kind: smart, client_id: x, keys: [env:BROKEN_JWK]}", "not a key"),
        (5, "auth: {kind: smart, client_id: x, keys: [env:NO_JSON]}", "neither a PEM key nor a JWK"),
        (5, "hooks: [{issuer: https://ehr.example.org}]", "jwks_url or jwks_file"),
        (5, "hooks: [{issuer: x, jwks_url: http://ehr.example.org/jwks}]", "use https://"),
        (5, "hooks: [{issuer: x, jwks_file: /no/such/file}]", "not there or empty"),
        (5, "token_issuers: [{issuer: x, jwks_url: https://x.example/jwks}]", "client_ids is missing"),
        (5, "launch: {scopes: [profile]}", "client_id is missing"),
        (5, "launch: {client_id: x, client_authentication: basic}", "private_key_jwt"),
        (5, "launch: {client_id: x, client_authentication: private_key_jwt}", "auth has none"),
        (5, "launch: {client_id: x, issuer: https://x.example}", "stand together"),
        (5, "launch: {client_id: x, issuer: x, jwks_url: https://x.example}", "https://host/path"),
        (5, "launch: {client_id: x, secret: swordfish}", "unknown key"),
        (5, "launch: {client_id: x, roles: [{role: clinician}]}", "practitioners, or a claim"),
        (5, "launch: {client_id: x, roles: [{role: clinician, claim: groups}]}", "with its values"),
        (
            5,
            "launch: {client_id: x, roles: [{role: ehr, practitioners: [Practitioner/1]}]}",
            "expected clinician",
        ),
        (5, "launch: {client_id: x, roles: [{role: staff, practitioners: [Patient/1]}]}", "Practitioner/id"),
        (
            5,
            "launch: {client_id: x, roles: [{role: manager, approves: yes, claim: a, values: [b]}]}",
            "approves",
        ),
    ],
)
def test_a_mistake_is_told_with_file_line_and_remedy(read, line, wrong, remedy):
    lines = SMALLEST.splitlines()
    lines[line - 1 : line] = [wrong if wrong.startswith("-") else f"    {wrong}"]
    lines = [f"  {text}" if text.startswith("-") else text for text in lines]
    with pytest.raises(ConfigurationError) as caught:
        read("\n".join(lines), SECRETS)
    assert str(caught.value).startswith(f"tenants.yaml:{line}: ")
    assert remedy in str(caught.value)


def test_of_the_roles_the_first_that_fits_counts_and_without_one_a_person_only_reads(example):
    roles = {
        who: example.launch.role_of(who, claims)
        for who, claims in (
            ("Practitioner/dana", {"groups": "discharge-team"}),
            ("Practitioner/otto", {"groups": ["choir", "discharge-team"]}),
            ("Practitioner/eve", {"groups": ["discharge"], "sub": "Practitioner/dana"}),
        )
    }
    told = {who: (role.role.value, role.approves) for who, role in roles.items()}
    assert told == {
        "Practitioner/dana": ("social-worker", True),
        "Practitioner/otto": ("clinician", False),
        "Practitioner/eve": ("staff", False),
    }


def test_the_hospitals_of_one_ehr_have_registered_one_page(read):
    launched = SMALLEST + "    launch: {client_id: homeward-page}\n"
    other = launched.removeprefix("tenants:\n").replace("id: one", "id: two")
    assert "two" in read(launched + other.replace("ehr.example.org", "other.example.org"))
    with pytest.raises(ConfigurationError, match="one and two have one FHIR base"):
        read(launched + other.replace("homeward-page", "another-page"))
    roles = "client_id: homeward-page, roles: [{role: manager, practitioners: [Practitioner/dana]}]"
    assert "two" in read(launched + other.replace("client_id: homeward-page", roles))


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


@pytest.mark.parametrize(
    ("keys", "remedy"),
    [
        ([EC_KEY.private.as_dict(private=True)], "private parts"),
        ([EC_KEY.public(), RSA_KEY.private.as_dict(private=True)], "private parts"),
        ([{"kty": "oct", "k": "c2VjcmV0"}], "private parts"),
        ([{"kty": "oct"}], "RSA or EC"),
        ([{"kty": "RSA", "n": WEAK_MODULUS, "e": "AQAB"}], "shorter than 2048 bits"),
        ([], "no keys"),
        ("keys", "not a JWKS"),
        ([7], "not a JWKS"),
    ],
)
def test_an_issuers_keys_are_public_and_strong(read, tmp_path, keys, remedy):
    jwks = tmp_path / "jwks.json"
    jwks.write_bytes(orjson.dumps({"keys": keys}))
    with pytest.raises(ConfigurationError, match=rf"^tenants.yaml:5: .*{remedy}") as caught:
        read(SMALLEST + f"    hooks: [{{issuer: x, jwks_file: {jwks}}}]\n")
    assert str(EC_KEY.private.as_dict(private=True)["d"]) not in str(caught.value)


def test_an_issuers_keys_may_stand_in_a_file(read, tmp_path):
    jwks = tmp_path / "jwks.json"
    jwks.write_bytes(orjson.dumps({"keys": [EC_KEY.public(), RSA_KEY.public()]}))
    tenant = read(SMALLEST + f"    hooks: [{{issuer: x, jwks_file: {jwks}}}]\n")["one"]
    assert tenant.hooks[0].jwks_file == str(jwks)


def test_a_key_may_be_a_jwk_that_names_itself(read):
    jwk = {**EC_KEY.private.as_dict(private=True), "kid": "spring"}
    text = SMALLEST + "    auth: {kind: smart, client_id: x, keys: [env:JWK]}\n"
    tenant = read(text, {"JWK": orjson.dumps(jwk).decode()})["one"]
    assert [key.kid for key in tenant.auth.keys] == ["spring"]
    assert str(jwk["d"]) not in repr(tenant)


def test_only_two_policies_write():
    assert [policy.value for policy in WritePolicy if policy.writes] == ["draft", "full"]


def test_a_file_that_is_not_text_is_told(tmp_path):
    (tmp_path / "tenants.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="not text in UTF-8"):
        load_tenants(tmp_path / "tenants.yaml", {})


def test_the_stays_of_a_hospital_are_named_by_reference(read):
    named = "    stays: {organizations: [Organization/1], locations: [Location/7], order_performers: [Organization/2]}\n"
    stays = read(SMALLEST + named)["one"].stays
    assert stays.organizations == {"Organization/1"}
    assert stays.locations == {"Location/7"}
    assert stays.order_performers == {"Organization/2"}
    assert read(SMALLEST)["one"].stays is None


@pytest.mark.parametrize(
    "stays",
    [
        "{}",
        "{organizations: []}",
        "{organizations: [Location/1]}",
        "{locations: [ward]}",
        "{sites: [Location/1]}",
    ],
)
def test_stays_that_name_nothing_or_something_else_are_refused(read, stays):
    with pytest.raises(ConfigurationError, match=r"tenants\.yaml"):
        read(SMALLEST + f"    stays: {stays}\n")
