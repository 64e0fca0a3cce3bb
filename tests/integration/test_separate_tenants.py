"""Two hospitals in one deployment, each with an EHR behind SMART, whose patients and stays have the same ids.

Nothing of one may reach the other: no token, no resource, no word of a plan, no cache, no metric.
"""

import json
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, replace

import pytest
from requests.adapters import HTTPAdapter

from config.directory_file import load_directory
from config.settings import load_settings
from config.tenants import Auth, Tenant
from service import metrics
from service.app import create_app
from service.bootstrap import build_deps
from service.domain.discharge import Action, DischargeState, Trigger
from service.ehr.client import Ehr
from service.ehr.smart import SmartCredentials
from service.errors import EhrRefused
from service.pipeline.intake import intake
from service.pipeline.stored_metrics import stored_metrics
from service.store.plan_json import plan_to_json
from tests import builders
from tests.integration.smart_sandbox import Client, smart_sandbox
from tests.smart_keys import EC_KEY, RSA_KEY

NAMES = {"alpha": "Alphatest", "beta": "Betatest"}
#: Heart failure here, no home there.
CONDITIONS = {"alpha": "I50.23", "beta": "Z59.02"}
CLIENTS = {"alpha": Client("homeward-at-alpha", (EC_KEY,)), "beta": Client("homeward-at-beta", (RSA_KEY,))}
_TENANT = """\
  - id: {name}
    fhir_base_url: {url}
    organization: Hospital {name}
    subscription_secret: env:{name}_secret
    auth: {{kind: smart, client_id: homeward-at-{name}, keys: [env:{name}_key]}}
"""


@dataclass
class Sent:
    """What left this process: the Authorization headers by origin."""

    headers: dict[str, set[str]]


@pytest.fixture(scope="module")
def urls(tmp_path_factory):
    with ExitStack() as stack:
        started = {
            name: stack.enter_context(smart_sandbox([client], tmp_path_factory.mktemp(name)))
            for name, client in CLIENTS.items()
        }
        for name, url in started.items():
            _fill(name, url)
        yield started


def _fill(name, url):
    """As another system with wider rights would: the same ids in both EHRs."""
    client = CLIENTS[name]
    auth = Auth(kind="smart", client_id=client.client_id, keys=client.keys, scopes=("system/*.cruds",))
    with Ehr(Tenant(id=name, fhir_base_url=url, organization="", auth=auth)) as ehr:
        ehr.update(builders.patient("p1", name=[{"family": NAMES[name], "given": ["Zelda"]}]))
        ehr.update(builders.encounter("e1"))
        ehr.update(builders.condition("c1", CONDITIONS[name], encounter={"reference": "Encounter/e1"}))


@pytest.fixture(scope="module")
def sent(urls):
    """Every Authorization header this process sends, by the origin it goes to."""
    del urls  # filled before anybody looks
    seen = Sent(defaultdict(set))
    original = HTTPAdapter.send

    def send(self, request, *more, **named):
        origin = "/".join(request.url.split("/")[:3])
        seen.headers[origin].add(request.headers.get("Authorization", ""))
        return original(self, request, *more, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HTTPAdapter, "send", send)
        yield seen


@pytest.fixture(scope="module")
def deps(urls, sent, new_database, tmp_path_factory):
    del sent
    file = tmp_path_factory.mktemp("tenants") / "tenants.yaml"
    file.write_text("tenants:\n" + "".join(_TENANT.format(name=name, url=url) for name, url in urls.items()))
    with pytest.MonkeyPatch.context() as patch:
        for name, client in CLIENTS.items():
            patch.setenv(f"{name}_key", client.keys[0].private.as_pem(private=True).decode())
            patch.setenv(f"{name}_secret", f"secret of {name}")
        settings = {
            "HOMEWARD_DATABASE_URL": new_database("template_for_tests"),
            "HOMEWARD_TENANTS_FILE": str(file),
        }
        made = build_deps(load_settings(settings))
    made.store.directory.load("alpha", load_directory())
    yield made
    for name in NAMES:
        made.ehr(name).close()
    made.store.close()


@pytest.fixture(scope="module")
def discharges(deps):
    """One discharge at each hospital of the stay Encounter/e1, published."""
    for name in NAMES:
        intake(Trigger(name, "Encounter/e1", Action.PLAN, "rest", "ServiceRequest/o1"), deps)
    deps.jobs.work(until_idle=True)
    return {name: discharges_of(deps, name)[0] for name in NAMES}


def held_by(deps, name):
    """Everything that stands in a hospital's EHR about the patient, read with that hospital's token."""
    ehr = deps.ehr(name)
    kinds = (
        "Patient?_id=p1",
        "CarePlan?subject=Patient/p1",
        "ServiceRequest?subject=Patient/p1",
        "Goal?subject=Patient/p1",
    )
    return {kind.partition("?")[0]: ehr._get(kind).get("entry", []) for kind in kinds}  # noqa: SLF001  as a person would look


def other(name):
    return "beta" if name == "alpha" else "alpha"


def test_both_are_published_and_each_ehr_holds_one_plan_with_its_own_identifiers(deps, discharges):
    identifiers = {}
    for name, discharge in discharges.items():
        assert discharge.state is DischargeState.PUBLISHED
        [plan] = held_by(deps, name)["CarePlan"]
        identifiers[name] = plan["resource"]["identifier"][0]["value"]
    assert identifiers["alpha"] != identifiers["beta"]


def test_no_ehr_holds_a_word_of_the_other_hospital(deps, discharges):
    del discharges
    for name, family in NAMES.items():
        text = json.dumps(held_by(deps, name))
        assert family in text
        assert NAMES[other(name)] not in text
        assert f"Hospital {other(name)}" not in text
        assert CONDITIONS[other(name)] not in text


def test_no_plan_says_a_word_of_the_other_hospital(deps, discharges):
    for name, discharge in discharges.items():
        text = json.dumps(plan_to_json(deps.store.plans.latest(discharge.id).plan))
        assert CONDITIONS[name] in text
        assert CONDITIONS[other(name)] not in text
        assert NAMES[other(name)] not in text
    heart, home = (
        {need.code for need in deps.store.plans.latest(one.id).plan.present()} for one in discharges.values()
    )
    assert "heart-failure-care" in heart - home
    assert "homelessness" in home - heart


def test_a_token_goes_to_its_own_origin_only(discharges, sent, urls):
    del discharges
    tokens = {
        name: {header for header in sent.headers[url.removesuffix("/fhir")] if header}
        for name, url in urls.items()
    }
    assert len(tokens["alpha"]) == len(tokens["beta"]) == 1
    assert not tokens["alpha"] & tokens["beta"]
    assert set(sent.headers) == {url.removesuffix("/fhir") for url in urls.values()}


def test_a_token_of_one_opens_nothing_at_the_other(deps, discharges):
    del discharges

    class Foreign:
        def authorization(self):
            return SmartCredentials(deps.tenants["alpha"]).authorization()

        def renewed(self):
            return False

    with Ehr(deps.tenants["beta"], credentials=Foreign()) as ehr, pytest.raises(EhrRefused) as caught:
        ehr.read("Patient/p1")
    assert caught.value.status == 401


def test_a_key_of_one_gets_no_token_at_the_other(deps):
    beta = deps.tenants["beta"]
    with pytest.raises(EhrRefused, match="invalid_client"):
        SmartCredentials(replace(beta, auth=deps.tenants["alpha"].auth)).authorization()


def test_what_is_kept_for_one_is_not_the_others(deps, discharges):
    del discharges
    alpha, beta = deps.ehr("alpha"), deps.ehr("beta")
    assert alpha.capability() is not beta.capability()
    assert deps.directory("alpha").candidates({"food-pantry"}, "")
    assert deps.directory("beta").candidates({"food-pantry"}, "") == ()
    assert deps.store.discharges.of_order("alpha", "ServiceRequest/o1") == discharges_of(deps, "alpha")[0]
    assert len(discharges_of(deps, "alpha")) == len(discharges_of(deps, "beta")) == 1


def discharges_of(deps, name):
    return deps.store.discharges.latest(name)


def test_a_secret_of_one_does_not_open_the_others_door(deps):
    client = create_app(deps.settings, deps).test_client()
    statuses = {
        (door, secret): client.delete(
            f"/subscriptions/{door}/Patient/p1", headers={"Authorization": f"Bearer secret of {secret}"}
        ).status_code
        for door in NAMES
        for secret in NAMES
    }
    assert statuses == {(a, b): 204 if a == b else 401 for a in NAMES for b in NAMES}


def test_no_metric_names_a_person_a_stay_or_an_order(deps, discharges):
    text = metrics.rendered(stored_metrics(deps))[0].decode()
    assert 'tenant="alpha"' in text
    for word in (
        *NAMES.values(),
        *CONDITIONS.values(),
        "p1",
        "e1",
        "o1",
        "Encounter/",
        *map(str, ids(discharges)),
    ):
        assert f'"{word}' not in text


def ids(discharges):
    return [discharge.id for discharge in discharges.values()]
