import socket
import ssl
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from config.tenants import Tenant
from service.ehr.client import Ehr
from service.ehr.smart_server import discover
from service.ehr.tls import tls_of
from service.errors import EhrUnavailable

ENDS = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate of localhost with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(ENDS - timedelta(days=60))
        .not_valid_after(ENDS)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@contextmanager
def listening(shake_hands):
    """One connection on 127.0.0.1, given to a thread."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                shake_hands(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"https://localhost:{server.getsockname()[1]}/fhir"
        thread.join(5)


def handshake(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def shake_hands(connection):
        try:
            context.wrap_socket(connection, server_side=True).close()
        except OSError:  # the client did not like the certificate
            connection.close()

    return shake_hands


def test_version_and_end_of_the_certificate_are_told(certificate, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with listening(handshake(certificate)) as url:
        tls = tls_of(url, timeout_seconds=2)
    assert tls is not None
    assert (tls.version, tls.expires) == ("TLSv1.3", ENDS)


def test_a_certificate_that_nobody_vouches_for_is_told(certificate):
    with listening(handshake(certificate)) as url, pytest.raises(EhrUnavailable, match="does not hold: self"):
        tls_of(url, timeout_seconds=2)


def test_a_server_without_tls_is_told():
    with (
        listening(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as url,
        pytest.raises(EhrUnavailable, match="No TLS with it"),
    ):
        tls_of(url, timeout_seconds=2)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://127.0.0.1:9/fhir", "refuses connections on port 9: correct fhir_base_url"),
        ("https://no-such-host.invalid/fhir", "No such host as no-such-host.invalid"),
    ],
)
def test_a_server_that_is_not_there_is_told_with_what_to_look_at(url, why):
    with pytest.raises(EhrUnavailable, match=why):
        tls_of(url, timeout_seconds=1)


def test_a_server_that_says_nothing_is_told():
    with (
        listening(lambda connection: connection.recv(2000) and connection.recv(1)) as url,
        pytest.raises(EhrUnavailable, match=r"does not answer on port \d+: look for a firewall"),
    ):
        tls_of(url, timeout_seconds=0.3)


def test_a_ca_file_that_is_not_there_is_told(certificate, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate) + ".gone")
    with (
        listening(handshake(certificate)) as url,
        pytest.raises(EhrUnavailable, match="REQUESTS_CA_BUNDLE names is not there"),
    ):
        tls_of(url, timeout_seconds=1)


def test_behind_a_proxy_the_server_itself_is_not_asked(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert tls_of("https://ehr.invalid/fhir", timeout_seconds=1) is None


def test_calls_trust_whom_preflight_trusts(certificate, monkeypatch):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    with listening(handshake(certificate)) as url:
        tenant = Tenant(id="t", fhir_base_url=url, organization="Example")
        with Ehr(tenant, sleep=lambda _: None) as ehr, pytest.raises(EhrUnavailable, match="no trusted TLS"):
            ehr.create({"resourceType": "Basic"})
    with listening(handshake(certificate)) as url, pytest.raises(EhrUnavailable, match="no trusted TLS"):
        discover(Tenant(id="t", fhir_base_url=url, organization="Example"))
