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
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with listening(handshake(certificate)) as url:
        tls = tls_of(url, timeout_seconds=2)
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


def test_a_server_that_is_not_there_is_told():
    with pytest.raises(EhrUnavailable, match="It does not answer"):
        tls_of("https://127.0.0.1:9/fhir", timeout_seconds=1)
