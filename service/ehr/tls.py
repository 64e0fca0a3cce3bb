"""The TLS of an EHR as ops want to see it before go-live: which version, and for how long its certificate holds."""

import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from service.errors import EhrUnavailable

_HTTPS = 443


@dataclass(frozen=True, slots=True)
class Tls:
    """version is like "TLSv1.3"; expires is when the server's certificate ends."""

    version: str
    expires: datetime


def tls_of(url: str, *, timeout_seconds: float) -> Tls:
    """Shake hands with the server of an https address; EhrUnavailable says what is wrong with it."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        with (
            socket.create_connection((host, parts.port or _HTTPS), timeout_seconds) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=host) as connection,
        ):
            return Tls(connection.version() or "", _expiry(connection.getpeercert()))
    except ssl.SSLCertVerificationError as error:
        raise EhrUnavailable(f"Its certificate does not hold: {error.verify_message}.") from None
    except ssl.SSLError as error:
        raise EhrUnavailable(f"No TLS with it: {error.reason}.") from None
    except OSError:
        raise EhrUnavailable("It does not answer.") from None


def _expiry(certificate: object) -> datetime:
    ends = certificate.get("notAfter", "") if isinstance(certificate, dict) else ""
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(ends)), UTC)
