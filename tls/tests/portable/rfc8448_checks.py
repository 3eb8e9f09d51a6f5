"""Replay the traces of RFC 8448 through the client, on CPython and on a board.

The client gets the randomness of the trace and, instead of its own ClientHello, the RFC's (with
extensions the core does not offer). From there on everything is the core's own: key exchange, key
schedule, record protection, parsing, Finished; and every record it sends has to equal the RFC's to
the last octet.

Two things of the traces the core does not do. Their certificates are self-signed and without a
name: a stand-in for the chain verifier checks that the certificate arrives octet by octet. And
their RSA keys have 1024 bits, which the core refuses: such a signature is compared, together with
the content it signs; the ECDSA signature of section 6 is verified for real.
"""

from tlscore import certificate_verify
from tlscore import client as client_module
from tlscore.client import ClientConnection
from tlscore.config import ClientConfig
from tlscore.connection import EVENT_CLOSED, EVENT_CONNECTED, EVENT_TICKET
from tlscore.crypto import signature as real_signature
from tlscore.crypto.hashes import SHA256

RSA_PSS_RSAE_SHA256 = 0x0804
ECDSA_SECP256R1_SHA256 = 0x0403
_HEADER_BYTES = 5


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

    trace = None
    signatures_verified = 0

    def __init__(self, _trust, _clock, _server_name):
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
        return (real_signature.KEY_EC_P256, _public_point(self.certificate))


def _public_point(certificate):
    """Return the uncompressed P-256 point in a certificate, after the BIT STRING header."""
    at = certificate.find(b"\x03\x42\x00\x04")
    return certificate[at + 3 : at + 68] if at >= 0 else None


class TraceSignature:
    """Stand-in for crypto/signature.py: RSA is compared with the trace, the rest verified."""

    def __init__(self, trace):
        self.trace = trace

    def is_for_handshake(self, _scheme):
        """Say yes: the traces have no other schemes."""
        return True

    def hash_of(self, _scheme):
        """Return the hash of both schemes of the traces."""
        return SHA256

    def verify(self, scheme, key, digest, signature):
        """Judge a signature."""
        assert digest == SHA256.new(self.trace["server_signed_content"]).digest()
        assert signature == self.trace["server_signature"]
        if scheme == RSA_PSS_RSAE_SHA256:
            return True
        return real_signature.verify(scheme, key, digest, signature)


class TraceClient(ClientConnection):
    """A client that sends the ClientHellos of a trace."""

    def _send_hello(self, version):
        records = self._config.trace_hellos
        record = records.pop(0)
        assert record[1] << 8 | record[2] == version
        writer = self._outbox.writer()
        writer.raw(record[_HEADER_BYTES:])
        message = self._outbox.content(writer)
        self._hello.offered = extension_types(record[_HEADER_BYTES + 4 :])
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
    unused = Unused()
    config = ClientConfig(
        PoolEntropy(trace["client_random_pool"]),
        unused,
        unused,
        "server",
        middlebox_compatibility=trace["record_client_hello"][43] == 32,
        keylog=lambda label, _random, secret: secrets.append((label, secret)),
    )
    config.signature_schemes = (ECDSA_SECP256R1_SHA256, RSA_PSS_RSAE_SHA256)
    config.trace_hellos = hellos
    return TraceClient(config)


def replay(trace) -> list:
    """Replay one trace (dict of octets); return the secrets logged, as (label, secret)."""
    kept = client_module.ChainVerifier, certificate_verify.signature
    CollectingVerifier.trace = trace
    client_module.ChainVerifier = CollectingVerifier
    certificate_verify.signature = TraceSignature(trace)
    try:
        secrets = []
        connection = _new_client(trace, secrets)
        _replay_handshake(connection, trace)
        if "record_client_data" in trace:
            _replay_data(connection, trace)
        if "secret_exporter" in trace:
            _check_secrets(secrets, trace)
        _replay_close(connection, trace)
        return secrets
    finally:
        client_module.ChainVerifier, certificate_verify.signature = kept
        CollectingVerifier.trace = None


def _replay_handshake(connection, trace):
    assert _drain(connection) == trace["record_client_hello"]
    if "record_hello_retry_request" in trace:
        connection.receive(trace["record_hello_retry_request"])
        assert _drain(connection) == trace["record_second_client_hello"]
    connection.receive(trace["record_server_hello"])
    connection.receive(trace["record_server_flight"])
    assert connection.next_event() == (EVENT_CONNECTED,)
    sent = _drain(connection)
    if connection.signature_scheme == RSA_PSS_RSAE_SHA256:
        assert sent == trace["record_client_finished"]
    # In section 6 the RFC's client has a certificate and ours has none: its flight differs.


def _replay_data(connection, trace):
    connection.receive(trace["record_new_session_ticket"])
    assert connection.next_event() == (EVENT_TICKET,)
    data = trace["client_data"]
    assert connection.write(data) == len(data)
    assert _drain(connection) == trace["record_client_data"]
    connection.receive(trace["record_server_data"])
    assert connection.read() == trace["server_data"]


def _replay_close(connection, trace):
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
