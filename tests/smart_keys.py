"""Invented keys, made anew for each run."""

from joserfc.jwk import ECKey, RSAKey

from config.keys import SigningKey, signing_key


def _signing(key: ECKey | RSAKey) -> SigningKey:
    return signing_key(key.as_pem(private=True).decode())


EC_KEY = _signing(ECKey.generate_key("P-384"))
OTHER_EC_KEY = _signing(ECKey.generate_key("P-384"))
RSA_KEY = _signing(RSAKey.generate_key(2048))
