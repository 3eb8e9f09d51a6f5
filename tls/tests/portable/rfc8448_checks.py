"""Replay the traces of RFC 8448 through the client, on CPython and on a board.

The client gets the randomness of the trace and, instead of its own ClientHello, the RFC's (with
extensions the core does not offer). From there on everything is the core's own: key exchange, key
schedule, record protection, parsing, Finished; and every record it sends has to equal the RFC's to
the last octet.

In section 4 the session of section 3 is resumed. The RFC's client sends early data and ours does
not, so what it says besides is the RFC's up to the binder, and its Finished is its own; the
records of application data, whose keys know nothing of early data, are the RFC's again.

Two things of the traces the core does not do. Their certificates are self-signed and without a
name: a stand-in for the chain verifier checks that the certificate arrives octet by octet. And
their RSA keys have 1024 bits, which the core refuses: such a signature is compared, together with
the content it signs; the ECDSA signature of section 6 is verified for real.
"""

from tlscore import certificate_verify, messages
from tlscore.client import ClientConnection
from tlscore.client_certificates import CertificateAuthentication
from tlscore.clock import FixedClock
from tlscore.config import ClientConfig
from tlscore.connection import EVENT_CLOSED, EVENT_CONNECTED, EVENT_TICKET
from tlscore.crypto.signature import KEY_EC_P256
from tlscore.session import Session

RSA_PSS_RSAE_SHA256 = 0x0804
ECDSA_SECP256R1_SHA256 = 0x0403
_HEADER_BYTES = 5
_BINDERS_BYTES = 2 + 1 + 32
_AGE_BYTES = 4
_TICKET_BYTES = 178
_UTC_SECONDS = 1651826546  # of the traces; nothing depends on it


class PoolEntropy:
    """Hand out the octets of a pool in order."""

    def __init__(self, pool):
        self.pool = pool

    def fill(self, buffer):
        """Overwrite `buffer` with the next octets."""
        size = len(buffer)
        assert size <= len(self.pool), "the trace has no more random octets"
        buffer[:] = self.pool[:size]
        self.pool = self.pool[size:]


class Unused:
    """A clock and trust store that nothing may ask."""

    def utc_seconds(self):
        """Fail."""
        raise AssertionError("nothing asks the clock")

    def anchors(self, _name_hash):
        """Fail."""
        raise AssertionError("nothing asks for anchors")


class CollectingVerifier:
    """Stand-in for ChainVerifier: collects the certificate and returns the key of the trace."""

    signatures_verified = 0
    not_after = 0

    def __init__(self, trace):
        self.trace = trace
        self.certificate = b""
        self.ended = False

    def begin(self, length):
        """Remember the length announced."""
        self.length = length

    def push(self, data):
        """Collect a piece."""
        self.certificate += bytes(data)

    def end(self):
        """Check that the announced length arrived."""
        assert len(self.certificate) == self.length
        self.ended = True

    def finish(self):
        """Check the certificate and return the key."""
        message = self.trace["message_certificate"]
        # type, length(3), context length(1), list length(3), certificate length(3); extensions(2)
        assert self.ended
        assert self.certificate == message[11:-2]
        return (KEY_EC_P256, _public_point(self.certificate))


def _public_point(certificate):
    """Return the uncompressed P-256 point in a certificate, after the BIT STRING header."""
    at = certificate.find(b"\x03\x42\x00\x04")
    return certificate[at + 3 : at + 68] if at >= 0 else None


class TraceAuthentication(CertificateAuthentication):
    """The authentication of a trace's server: RSA is compared with the trace, the rest verified.

    Derived, not patched into a module: on a board modules are constant.
    """

    def _new_verifier(self):
        return CollectingVerifier(self._config.trace)

    def verify(self, body, transcript_hash):
        """Judge a CertificateVerify."""
        trace = self._config.trace
        signed = b" " * 64 + certificate_verify.BY_SERVER + transcript_hash
        assert signed == trace["server_signed_content"]
        scheme, signature = messages.parse_certificate_verify(body)
        assert bytes(signature) == trace["server_signature"]
        if scheme != RSA_PSS_RSAE_SHA256:
            return CertificateAuthentication.verify(self, body, transcript_hash)
        return scheme


class TraceClient(ClientConnection):
    """A client that sends the ClientHellos of a trace."""

    def _expect_certificates(self):
        self._certificates = TraceAuthentication(self._config)

    def _send_hello(self, version):
        records = self._config.trace_hellos
        record = records.pop(0)
        assert record[1] << 8 | record[2] == version
        writer = self._outbox.writer()
        writer.raw(record[_HEADER_BYTES:])
        message = self._outbox.content(writer)
        self._hello.offered = extension_types(record[_HEADER_BYTES + 4 :])
        if self._hello.psks is not None:
            message[-32:] = bytes(32)
            self._hello.psks.bind(message, self._transcript)
        self._outbox.queue_handshake(writer, self._transcript, version)
        return message


def extension_types(client_hello):
    """Return the extension types in the body of a ClientHello."""
    at = 2 + 32
    at += 1 + client_hello[at]
    at += 2 + (client_hello[at] << 8 | client_hello[at + 1])
    at += 1 + client_hello[at] + 2
    types = []
    while at < len(client_hello):
        types.append(client_hello[at] << 8 | client_hello[at + 1])
        at += 4 + (client_hello[at + 2] << 8 | client_hello[at + 3])
    return types


def _drain(connection):
    data = bytes(connection.to_send())
    connection.sent(len(data))
    return data


def _new_client(trace, secrets):
    hellos = [trace["record_client_hello"]]
    if "record_second_client_hello" in trace:
        hellos.append(trace["record_second_client_hello"])
    resumption = {}
    if "resumption_psk" in trace:
        if "record_new_session_ticket" in trace:
            resumption["ticket_bytes_max"] = _TICKET_BYTES
        else:
            resumption["session"] = _session(trace)
    config = ClientConfig(
        PoolEntropy(trace["client_random_pool"]),
        FixedClock(_UTC_SECONDS) if resumption else Unused(),
        Unused(),
        "server",
        **resumption,
        middlebox_compatibility=trace["record_client_hello"][43] == 32,
        keylog=lambda label, _random, secret: secrets.append((label, secret)),
    )
    config.signature_schemes = (ECDSA_SECP256R1_SHA256, RSA_PSS_RSAE_SHA256)
    config.trace = trace
    config.trace_hellos = hellos
    return TraceClient(config)


def _session(trace):
    """Return the session that the ClientHello of a trace offers."""
    hello = trace["record_client_hello"]
    identity_ends = len(hello) - _BINDERS_BYTES - _AGE_BYTES
    ticket = hello[identity_ends - _TICKET_BYTES : identity_ends]
    return Session(
        ticket, trace["resumption_psk"], 30, 0, _UTC_SECONDS, _UTC_SECONDS, "server", None
    )


def replay(trace) -> list:
    """Replay one trace (dict of octets); return the secrets logged, as (label, secret)."""
    secrets = []
    connection = _new_client(trace, secrets)
    _replay_handshake(connection, trace)
    if "record_client_data" in trace:
        _replay_data(connection, trace)
    if "secret_exporter" in trace:
        _check_secrets(secrets, trace)
    _replay_close(connection, trace)
    return secrets


def _replay_handshake(connection, trace):
    assert _drain(connection) == trace["record_client_hello"]
    if "record_hello_retry_request" in trace:
        connection.receive(trace["record_hello_retry_request"])
        assert _drain(connection) == trace["record_second_client_hello"]
    connection.receive(trace["record_server_hello"])
    connection.receive(trace["record_server_flight"])
    assert connection.next_event() == (EVENT_CONNECTED,)
    assert connection.resumed == (connection.signature_scheme is None)
    sent = _drain(connection)
    if connection.signature_scheme == RSA_PSS_RSAE_SHA256:
        assert sent == trace["record_client_finished"]
    # In section 6 the RFC's client has a certificate and ours has none: its flight differs.


def _replay_data(connection, trace):
    if "record_new_session_ticket" in trace:
        connection.receive(trace["record_new_session_ticket"])
        assert connection.next_event() == (EVENT_TICKET,)
        session = connection.take_session()
        assert session.secret == trace["resumption_psk"]
        assert session.lifetime_s == 30
        assert len(session.ticket) == _TICKET_BYTES
    data = trace["client_data"]
    assert connection.write(data) == len(data)
    assert _drain(connection) == trace["record_client_data"]
    connection.receive(trace["record_server_data"])
    assert connection.read() == trace["server_data"]


def _replay_close(connection, trace):
    if "record_client_close_notify" not in trace:
        return
    connection.close()
    sent = _drain(connection)
    assert sent == trace["record_client_close_notify"]
    connection.receive(trace["record_server_close_notify"])
    assert connection.next_event() == (EVENT_CLOSED,)
    assert connection.wants == 0


def _check_secrets(secrets, trace):
    for (label, secret), name in zip(
        secrets,
        (
            "secret_client_handshake",
            "secret_server_handshake",
            "secret_client_application",
            "secret_server_application",
            "secret_exporter",
        ),
    ):
        assert secret == trace[name], label


def job(_link, trace) -> int:
    """Run as a job of the on-board agent; return the number of secrets that were derived."""
    return len(replay(trace))
