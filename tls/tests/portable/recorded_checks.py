"""Replay recorded handshakes between other stacks through our parsers and key schedule.

`Wiretap` listens to both directions with the key log: the record layer decrypts every record with
keys derived from the logged secrets, each message is read by the parser that reads it in a
connection, both Finished are computed from the transcript and compared, each CertificateVerify is
verified with the key of the chain before it, and the chain up to its anchor by the chain verifier.
With a pre-shared key the binder and the early secrets are computed too. What cannot be done
without the ephemeral private keys is to derive the logged secrets themselves; the traces of
RFC 8448 do that (rfc8448_checks.py).

The same file runs on CPython and on a board.
"""

from tlscore import certificate_verify, client_hello_parser, messages, psk, states
from tlscore.clock import FixedClock
from tlscore.crypto import signature
from tlscore.crypto.hashes import SHA256
from tlscore.handshake import HandshakeReader
from tlscore.message_streams import CertificateParser
from tlscore.record import RecordProtection, RecordReceiver
from tlscore.schedule import KeySchedule, exported_keying_material, finished_verify_data
from tlscore.suites import find
from tlscore.ticket_stream import NewSessionTicketParser
from tlscore.transcript import message_hash
from tlscore.trust import PinnedKeys, TrustAnchors, anchor_from_certificate
from tlscore.x509.chain import ChainVerifier
from tlscore.x509.extensions import CLIENT_AUTH, SERVER_AUTH
from tlscore.x509.raw_key import RawKeyVerifier

CLIENT, SERVER = "client", "server"
_CONTEXTS = {CLIENT: certificate_verify.BY_CLIENT, SERVER: certificate_verify.BY_SERVER}
_PRE_SHARED_KEY = 41
_RAW_PUBLIC_KEY = 2
_RECORDED_UTC_SECONDS = 1795262400  # 21 November 2026, between the first and the last of them
# Message type -> (must end its record, opener, handler); the order is what the test looks at.
_MESSAGES = {
    1: (True, None, "client_hello"),
    2: (True, None, "server_hello"),
    4: (False, "open_ticket", "ticket"),
    8: (False, None, "encrypted_extensions"),
    11: (False, "open_certificate", "certificate"),
    13: (False, None, "certificate_request"),
    15: (False, None, "certificate_verify"),
    20: (True, None, "finished"),
}


class Side:
    """What one of the two says."""

    def __init__(self, name):
        self.name = name
        self.receiver = RecordReceiver(2048)
        self.reader = HandshakeReader(2048)
        self.key = None  # public key of the last Certificate
        self.data = b""
        self.alerts = []
        self.types = []  # of its handshake messages


class Wiretap:
    """A listener to one recorded handshake.

    Args:
        trace: dict from the names in recorded.traces to octets.
    """

    def __init__(self, trace):
        self.trace = trace
        self.clock = FixedClock(_RECORDED_UTC_SECONDS)
        self.client = Side(CLIENT)
        self.server = Side(SERVER)
        self.speaker = None
        self.transcript = b""
        self.suite = None
        self.offered = ()
        self.requested = ()
        self.raw_key = False
        self.chain = None
        self.retried = False
        self.records = 0
        self.signatures = 0
        self.protocol = None

    def listen(self):
        """Take the whole recording; return self."""
        for field in sorted(self.trace):
            if field.startswith("flight_"):
                self.speaker = self.server if field.endswith("_server") else self.client
                self._take(memoryview(self.trace[field]))
        return self

    def _take(self, data):
        receiver = self.speaker.receiver
        while data:
            data = data[receiver.feed(data) :]
            assert receiver.complete, "a flight ends with a record"
            content_type = receiver.open()
            content = receiver.content()
            self.records += 1
            if content_type == 22:
                self.speaker.reader.push(self, content)
            elif content_type == 20:
                assert bytes(content) == b"\x01"
            elif content_type == 21:
                self.speaker.alerts.append(tuple(content))
            else:
                self.speaker.data += bytes(content)
            receiver.next_record()

    # --- what HandshakeReader asks of a connection

    def row_of(self, message_type):
        """Return a row in the form of states.py."""
        aligned, opener, handler = _MESSAGES[message_type]
        self.speaker.types.append(message_type)
        return (None, message_type, aligned, opener, handler, ())

    def hash_piece(self, data):
        """Add a piece of a streamed message to the transcript."""
        self.transcript += bytes(data)

    def phase(self, _name):
        """Measure nothing."""

    def check_misaligned(self, _message):
        """Find nothing."""

    def deliver(self, row, message):
        """Hand a message to its handler, and add it to the transcript unless it has been."""
        getattr(self, "on_" + row[states.HANDLER])(message)
        if row[states.OPENER] is None:
            self.transcript += bytes(message)

    def digest(self):
        """Return the hash of the transcript so far."""
        return self.suite.hash.new(self.transcript).digest()

    def _log(self, side, label):
        return self.trace["secret_" + side.name + "_" + label]

    def _use(self, side, label):
        side.receiver.protection = RecordProtection(self.suite, self._log(side, label))

    # --- messages

    def on_client_hello(self, message):
        """Read a ClientHello; check its binder if it has one."""
        body = message[messages.HEADER_BYTES :]
        hello = client_hello_parser.parse(body)
        self.offered = extension_types(bytes(body))
        assert client_hello_parser.contains(hello.suites, 0x1301)
        if self.retried:
            assert client_hello_parser.fingerprint(body) == self._fingerprint
        self._fingerprint = client_hello_parser.fingerprint(body)
        if _PRE_SHARED_KEY in self.offered:
            self._check_early(bytes(message))

    def on_server_hello(self, message):
        """Read a ServerHello or HelloRetryRequest; from the first on there are keys."""
        hello = messages.parse_server_hello(message[messages.HEADER_BYTES :], self.offered)
        self.suite = find(hello.suite)
        if hello.is_retry:
            assert not self.retried
            self.retried = True
            self.transcript = message_hash(self.suite.hash, self.transcript)
            return
        for side in (self.client, self.server):
            self._use(side, "handshake_traffic_secret")

    def on_encrypted_extensions(self, message):
        """Read EncryptedExtensions."""
        body = message[messages.HEADER_BYTES :]
        said = messages.parse_encrypted_extensions(body, self.offered)
        self.protocol = said.protocol
        self.raw_key = _RAW_PUBLIC_KEY in (said.certificate_type, said.client_certificate_type)

    def on_certificate_request(self, message):
        """Read CertificateRequest."""
        body = message[messages.HEADER_BYTES :]
        self.requested, _ = messages.parse_certificate_request(body)
        assert 0x0403 in self.requested

    def open_certificate(self, length):
        """Return the parser of a Certificate, with the verifier for what is in it."""
        if self.raw_key:
            pin = SHA256.new(self.trace["raw_key"]).digest()
            self.chain = RawKeyVerifier(PinnedKeys([pin]))
        else:
            name, purpose = "localhost", SERVER_AUTH
            if self.speaker is self.client:
                name, purpose = None, CLIENT_AUTH
            trust = TrustAnchors([anchor_from_certificate(self.trace["authority"])])
            self.chain = ChainVerifier(trust, self.clock, name, purpose)
        return CertificateParser(length, self.chain, self.offered)

    def on_certificate(self, _parser):
        """Take the key of a chain that leads to the anchor."""
        self.speaker.key = self.chain.finish()
        self.signatures += self.chain.signatures_verified

    def on_certificate_verify(self, message):
        """Verify a CertificateVerify."""
        scheme, signed = messages.parse_certificate_verify(message[messages.HEADER_BYTES :])
        accepted = self.requested if self.speaker is self.client else signature.schemes()
        by = _CONTEXTS[self.speaker.name]
        certificate_verify.check(
            scheme, accepted, self.speaker.key, by, self.digest(), bytes(signed)
        )
        self.signatures += 1

    def on_finished(self, message):
        """Verify a Finished; the side that sent it changes to its application key."""
        hash_ = self.suite.hash
        said = bytes(messages.parse_finished(message[messages.HEADER_BYTES :], hash_.size))
        secret = self._log(self.speaker, "handshake_traffic_secret")
        assert said == finished_verify_data(hash_, secret, self.digest())
        self._use(self.speaker, "traffic_secret_0")

    def open_ticket(self, length):
        """Return the parser of a NewSessionTicket."""
        return NewSessionTicketParser(length)

    def on_ticket(self, _parser):
        """Learn that a ticket was well-formed."""

    # --- the pre-shared key

    def _check_early(self, message):
        """Compute the binder (RFC 8446 §4.2.11.2) and the early secrets of the key log (§7.1)."""
        schedule = KeySchedule(SHA256, self.trace["psk"])
        digest = SHA256.new(message).digest()
        early, exporter = schedule.derive(digest, b"c e traffic", b"e exp master")
        assert early == self.trace["secret_client_early_traffic_secret"]
        assert exporter == self.trace["secret_early_exporter_secret"]
        hello = client_hello_parser.parse(memoryview(message)[messages.HEADER_BYTES :])
        truncated = SHA256.new(message[: messages.HEADER_BYTES + hello.binders_at]).digest()
        expected = psk.binder(schedule, psk.EXTERNAL, truncated)
        identities, binders, found = hello.identities, hello.binders, 0
        while identities.remaining():
            identity = bytes(identities.vector16().rest())
            identities.take(4)
            binder = bytes(binders.vector8().rest())
            if identity == self.trace["psk_identity"] and len(binder) == SHA256.size:
                assert binder == expected
                found += 1
        assert found == 1


def extension_types(body):
    """Return the extension types of the body of a ClientHello."""
    at = 2 + 32
    at += 1 + body[at]
    at += 2 + (body[at] << 8 | body[at + 1])
    at += 1 + body[at] + 2
    found = []
    while at < len(body):
        found.append(body[at] << 8 | body[at + 1])
        at += 4 + (body[at + 2] << 8 | body[at + 3])
    return tuple(found)


def job(_link, trace):
    """Run as a job of the on-board agent; return what was found."""
    heard = Wiretap(trace).listen()
    exporter = exported_keying_material(
        heard.suite.hash, trace["secret_exporter_secret"], b"EXPORTER-hil", b"", 32
    )
    return [
        heard.records,
        heard.signatures,
        heard.client.types,
        heard.server.types,
        heard.client.data,
        heard.server.data,
        heard.client.alerts == heard.server.alerts == [(1, 0)],
        exporter,
    ]
