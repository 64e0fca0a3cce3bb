"""Keys for signed tokens: ours to sign with (private), others' to check by (public). joserfc does the cryptography.

Every error is a ValueError whose text is for the operator: it says what is wrong with a key and what to do, never a
part of the key.
"""

import json
import warnings
from binascii import Error as NotBase64
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc.errors import InvalidKeyTypeError, JoseError, SecurityWarning
from joserfc.jwk import ECKey, KeySet, RSAKey

#: SMART asks every client for both of these.
RSA_ALGORITHM: Final = "RS384"
EC_ALGORITHM: Final = "ES384"
_EC_CURVE: Final = "P-384"
_PRIVATE_PARTS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_MAKE_ONE: Final = "make one with: openssl ecparam -genkey -name secp384r1 -noout -out key.pem"
_UNLOCK: Final = "write it without, readable for this service alone: openssl pkey -in key.pem -out plain.pem"
_OTHER_TYPE: Final = f"a key must be of type RSA or EC; {_MAKE_ONE}"

Key = RSAKey | ECKey


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key of ours, known to others by its kid: the one it was given, else its RFC 7638 thumbprint."""

    private: Key = field(repr=False)
    kid: str
    algorithm: str

    def public(self) -> dict[str, Any]:
        """The public half as a JWK."""
        public = self.private.as_dict(private=False)
        return {**public, "kid": self.kid, "use": "sig", "alg": self.algorithm, "key_ops": ["verify"]}


def signing_key(text: str) -> SigningKey:
    """The private key in a PEM or JWK text: RSA of 2048 bits or more (RS384) or EC P-384 (ES384)."""
    key = _imported(text)
    if not key.is_private:
        raise ValueError(f"this is a public key, and signing needs the private one; {_MAKE_ONE}")
    if isinstance(key, ECKey) and key.curve_name != _EC_CURVE:
        raise ValueError(f"this key is on the curve {key.curve_name}, and ES384 needs P-384; {_MAKE_ONE}")
    algorithm = EC_ALGORITHM if isinstance(key, ECKey) else RSA_ALGORITHM
    return SigningKey(key, key.kid or key.thumbprint(), algorithm)


def public_keys(text: str) -> KeySet:
    """The keys of a JWKS text. One private or symmetric key among them refuses the whole: it should not be here."""
    try:
        given = json.loads(text)
        keys = [dict(key) for key in given["keys"]]
    except (ValueError, KeyError, TypeError):
        raise ValueError('this is not a JWKS; expected {"keys": [...]}') from None
    if not keys:
        raise ValueError("this JWKS has no keys")
    if any(_PRIVATE_PARTS & set(key) for key in keys):
        raise ValueError(
            "this JWKS has private parts; ask its owner for the public keys, and tell them to replace these"
        )
    return KeySet([_from_jwk(key) for key in keys])


def _imported(text: str) -> Key:
    if not text.lstrip().startswith("{"):
        return _from_pem(text)
    try:
        return _from_jwk(json.loads(text))
    except json.JSONDecodeError:
        raise ValueError("this is neither a PEM key nor a JWK") from None


def _from_pem(text: str) -> Key:
    if "ENCRYPTED" in text:  # "BEGIN ENCRYPTED PRIVATE KEY", "Proc-Type: 4,ENCRYPTED"
        raise ValueError(f"this key has a passphrase; {_UNLOCK}")
    for kind in (RSAKey, ECKey):
        with suppress(InvalidKeyTypeError):
            return _strong(kind, text)
    raise ValueError(_OTHER_TYPE)


def _from_jwk(jwk: Mapping[str, Any]) -> Key:
    kinds: dict[object, type[RSAKey | ECKey]] = {"RSA": RSAKey, "EC": ECKey}
    kind = kinds.get(str(jwk.get("kty")))
    if kind is None:
        raise ValueError(_OTHER_TYPE)
    return _strong(kind, dict(jwk))


def _strong(kind: type[RSAKey | ECKey], given: str | dict[str, Any]) -> Key:
    """The key, unless it is short: joserfc only warns of that."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SecurityWarning)
            return kind.import_key(given)
    except SecurityWarning:
        raise ValueError(f"this RSA key is shorter than 2048 bits; {_MAKE_ONE}") from None
    except InvalidKeyTypeError:
        raise
    except (JoseError, NotBase64, ValueError, TypeError):
        raise ValueError(f"this is not a key that can be read; {_MAKE_ONE}") from None
