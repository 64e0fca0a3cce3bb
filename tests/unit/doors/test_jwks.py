from dataclasses import replace

import pytest
from joserfc.jwk import KeySet

from config.tenants import Auth
from tests.smart_keys import EC_KEY, OTHER_EC_KEY, RSA_KEY


@pytest.fixture
def answer(client, doubles):
    demo = doubles.tenants["demo"]
    first = Auth(kind="smart", client_id="one", keys=(RSA_KEY, EC_KEY))
    second = Auth(kind="smart", client_id="two", keys=(EC_KEY, OTHER_EC_KEY))
    doubles.tenants = {"demo": replace(demo, auth=first), "other": replace(demo, id="other", auth=second)}
    return client.get("/.well-known/jwks.json")


def test_every_key_stands_there_once_so_that_a_new_one_is_known_before_it_signs(answer):
    kids = [key["kid"] for key in answer.json["keys"]]
    assert kids == sorted({RSA_KEY.kid, EC_KEY.kid, OTHER_EC_KEY.kid})
    assert {key["alg"] for key in answer.json["keys"]} == {"RS384", "ES384"}


def test_nothing_private_is_published(answer):
    for key in answer.json["keys"]:
        assert not {"d", "p", "q", "dp", "dq", "qi"} & set(key)
    assert not any(key.is_private for key in KeySet.import_key_set(answer.json).keys)


def test_it_may_be_kept_for_an_hour_and_needs_no_credential(answer, house):
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    assert house({}).get("/.well-known/jwks.json").status_code == 200


def test_without_smart_there_are_no_keys(client):
    assert client.get("/.well-known/jwks.json").json == {"keys": []}
