"""The TLS of an EHR as ops want to see it before go-live: which version, and for how long its certificate holds."""

import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import requests
from requests.utils import DEFAULT_CA_BUNDLE_PATH, select_proxy

from service.errors import EhrUnavailable

_HTTPS = 443
_TRUST: Final = "If a CA of the hospital's own has signed it, name that CA's file in REQUESTS_CA_BUNDLE."


@dataclass(frozen=True, slots=True)
class Tls:
    """version is like "TLSv1.3"; expires is when the server's certificate ends."""

    version: str
    expires: datetime


def tls_of(url: str, *, timeout_seconds: float) -> Tls | None:
    """Shake hands with the server of an https address, trusting whom our calls trust; None behind a proxy.

    EhrUnavailable says what is wrong with it.
    """
    settings = requests.Session().merge_environment_settings(url, {}, None, None, None)
    if select_proxy(url, settings["proxies"]):
        return None
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _HTTPS
    try:
        with (
            socket.create_connection((host, port), timeout_seconds) as plain,
            _trusting(settings["verify"]).wrap_socket(plain, server_hostname=host) as connection,
        ):
            return Tls(connection.version() or "", _expiry(connection.getpeercert()))
    except OSError as error:
        raise EhrUnavailable(_why(error, host, port)) from None


def _trusting(verify: bool | str | None) -> ssl.SSLContext:  # noqa: FBT001  as requests gives it
    """Whom requests trusts: the file or folder of REQUESTS_CA_BUNDLE, else certifi's list."""
    bundle = Path(verify if isinstance(verify, str) else DEFAULT_CA_BUNDLE_PATH)
    if not bundle.exists():
        raise EhrUnavailable("The file that REQUESTS_CA_BUNDLE names is not there.")
    folder, file = (str(bundle), None) if bundle.is_dir() else (None, str(bundle))
    return ssl.create_default_context(cafile=file, capath=folder)


def _why(error: OSError, host: str, port: int) -> str:
    """What is wrong and what to look at; the address is the operator's own."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"Its certificate does not hold: {error.verify_message}. {_TRUST}"
    if isinstance(error, ssl.SSLError):
        return f"No TLS with it: {error.reason}."
    if isinstance(error, socket.gaierror):
        return f"No such host as {host}: correct fhir_base_url, or this machine's DNS."
    if isinstance(error, ConnectionRefusedError):
        return f"It refuses connections on port {port}: correct fhir_base_url, or have it started."
    return (
        f"It does not answer on port {port}: look for a firewall between, or a wrong port in fhir_base_url."
    )


def _expiry(certificate: object) -> datetime:
    ends = certificate.get("notAfter", "") if isinstance(certificate, dict) else ""
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(ends)), UTC)
