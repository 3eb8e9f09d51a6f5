"""Recorded TLS 1.2 handshakes between other stacks, read and checked by our parsers and keys.

Every record is decrypted with keys made of the logged master secret, every message read by the
parser that reads it in a connection, both Finished computed from the transcript, the signature of
the ServerKeyExchange verified with the key of the certificate, and with a pre-shared key the master
secret itself computed. The hello messages of BearSSL and axTLS are given to our own ends.
"""

import pytest
import tls12_wire as wire
import trace_files

from tlscore.crypto.hashes import SHA256
from tlscore.entropy import HmacDrbg
from tlscore.errors import PeerMisbehaved
from tlscore.tls12 import client_hello_parser, messages, schedule, suites
from tlscore.tls12.message_streams import CertificateParser, NewSessionTicketParser
from tlscore.tls12.record import RecordProtection, RecordReceiver
from tlscore.tls12.signature import check
from tlscore.trust import TrustAnchors, anchor_from_certificate
from tlscore.x509.anchor import AnchorParser

CLIENT, SERVER = "client", "server"
# name -> (suite, messages of the client, messages of the server)
FOUND = {
    "tls12-gcm": (0xC02B, [1, 16, 20], [2, 11, 12, 14, 4, 20]),
    "tls12-ccm8": (0xC0AE, [1, 16, 20], [2, 11, 12, 14, 4, 20]),
    "tls12-psk-ccm8": (0xC0A8, [1, 16, 20], [2, 14, 4, 20]),
}


TRACES = trace_files.read("recorded_tls12.traces")
OLDER = trace_files.read("recorded.traces")


class LeafKey:
    """A chain verifier that keeps the key of the first certificate and judges nothing."""

    def __init__(self):
        self.parser = AnchorParser()
        self.count = 0

    def begin(self, length):
        from tlscore.x509.grammar import CERTIFICATE

        self.count += 1
        if self.count == 1:
            self.parser.begin(length, rule=CERTIFICATE)

    def push(self, data):
        if self.count == 1:
            self.parser.push(data)

    def end(self):
        if self.count == 1:
            self.parser.end()


class Wiretap:
    """A listener to one recorded handshake."""

    def __init__(self, trace):
        self.trace = trace
        self.master = trace["secret_client_random"]
        self.transcript = b""
        self.types = {CLIENT: [], SERVER: []}
        self.data = {CLIENT: b"", SERVER: b""}
        self.receivers = {CLIENT: RecordReceiver(20000), SERVER: RecordReceiver(20000)}
        for receiver in self.receivers.values():
            receiver.use_tls12()
        self.randoms = self.suite = self.leaf = None
        self.extended = False
        self.identity = None

    def listen(self):
        for field in sorted(field for field in self.trace if field.startswith("flight")):
            speaker = field.rsplit("_", 1)[1]
            receiver = self.receivers[speaker]
            view = memoryview(self.trace[field])
            if not self.types[speaker]:
                view = memoryview(view[:1].tobytes() + b"\x03\x03" + view[3:].tobytes())
            while view:
                view = view[receiver.feed(view) :]
                if receiver.complete:
                    self.record(speaker, receiver.open(), bytes(receiver.content()))
                    receiver.next_record()
        return self

    def record(self, speaker, content_type, content):
        if content_type == 20:
            assert content == b"\x01"
            made = schedule.keys(self.suite, self.master, self.randoms)
            key, salt = made[:2] if speaker == CLIENT else made[2:]
            self.receivers[speaker].protection = RecordProtection(self.suite, key, salt)
        elif content_type == 22:
            while content:
                end = 4 + int.from_bytes(content[1:4], "big")
                self.message(speaker, content[:end])
                content = content[end:]
        elif content_type == 23:
            self.data[speaker] += content

    def message(self, speaker, message):
        kind, body = message[0], memoryview(message)[4:]
        self.types[speaker].append(kind)
        getattr(self, "on_{}".format(kind))(speaker, body)
        self.transcript += message

    def on_1(self, _speaker, body):
        assert client_hello_parser.version_of(body, (0x0303,)) == 0x0303
        hello = client_hello_parser.parse(body)
        assert hello.extended_master_secret
        assert hello.secure_renegotiation
        self.randoms = bytes(hello.random)

    def on_2(self, _speaker, body):
        offered = (0, 1, 10, 11, 13, 16, 22, 23, 28, 35, 0xFF01)
        hello = messages.parse_server_hello(self.without(body, 22), offered)
        self.suite = suites.find(hello.suite)
        self.randoms += bytes(hello.random)
        self.extended = hello.extended_master_secret

    def without(self, body, kind):
        """Drop an extension that OpenSSL and GnuTLS answer and we never offer."""
        from tls12_wire import Hello

        return memoryview(Hello(bytes(body), of_client=False).drop(kind).body())

    def on_4(self, _speaker, body):
        parser = NewSessionTicketParser(len(body), 4000)
        parser.push(body)
        assert parser.ticket

    def on_11(self, speaker, body):
        self.leaf = LeafKey()
        parser = CertificateParser(len(body), self.leaf)
        for at in range(len(body)):
            parser.push(body[at : at + 1])
        assert self.leaf.count

    def on_12(self, _speaker, body):
        said = messages.parse_server_key_exchange(body, self.leaf is None, exchanges=True)
        content = self.randoms + bytes(said.signed)
        self.check("server_key_exchange", said.scheme, content, said.signature)

    def check(self, subject, scheme, content, signature):
        key = self.leaf.parser.key
        check(subject, scheme, (scheme,), key, lambda hash_: hash_.new(content).digest(), signature)

    def on_14(self, _speaker, body):
        messages.check_empty(body, "server_hello_done")

    def on_16(self, _speaker, body):
        by_key = bool(self.suite.bits & suites.KEY)
        self.identity, share = messages.parse_client_key_exchange(body, by_key, not by_key)
        if by_key:
            assert self.identity == self.trace["psk_identity"]
            premaster = schedule.premaster_of_key(self.trace["psk"])
            message = bytes((16, 0, 0, len(body))) + bytes(body)
            digest = SHA256.new(self.transcript + message).digest()
            assert schedule.extended_master_secret(SHA256, premaster, digest) == self.master
        else:
            assert len(share) in (32, 65, 97)

    def on_20(self, speaker, body):
        label = b"client finished" if speaker == CLIENT else b"server finished"
        digest = SHA256.new(self.transcript).digest()
        expected = schedule.finished_verify_data(SHA256, self.master, label, digest)
        assert expected == bytes(body)


def test_every_trace_is_read():
    assert TRACES.keys() == FOUND.keys()


@pytest.mark.parametrize("name", FOUND)
def test_a_recording_is_decrypted_read_and_verified(name):
    heard = Wiretap(TRACES[name]).listen()
    suite, of_client, of_server = FOUND[name]
    assert (heard.suite.code, heard.extended) == (suite, True)
    assert (heard.types[CLIENT], heard.types[SERVER]) == (of_client, of_server)
    assert heard.data[CLIENT] == b"hello\n"


def flipped(trace, field, at):
    octets = bytearray(trace[field])
    octets[at] ^= 1
    return {**trace, field: bytes(octets)}


@pytest.mark.parametrize("name", FOUND)
def test_one_bit_of_a_record_or_the_secret_changed_is_noticed(name):
    last = max(field for field in TRACES[name] if field.startswith("flight"))
    with pytest.raises(PeerMisbehaved, match="bad_record_mac"):
        Wiretap(flipped(TRACES[name], last, -1)).listen()
    with pytest.raises((PeerMisbehaved, AssertionError)):
        Wiretap(flipped(TRACES[name], "secret_client_random", 0)).listen()


# --- devices of the past


def test_bearssls_client_of_2018_is_served_by_who_bears_with_it(pair12):
    hello = OLDER["bearssl_2018-03"]["flight_00_client"]
    refusal = pair12().refusal(pair12().server, hello)
    assert refusal == ("client_hello.no_extended_master_secret", 40)
    pair = pair12(extended_master_secret_required=False)
    pair.tell(pair.server, hello, piece_bytes=50)
    assert pair.server.version == 0x0303
    assert not pair.server.extended_master_secret


class RandomOf(HmacDrbg):
    """A generator whose first 32 bytes, our client's random, are given; the rest is its own."""

    def __init__(self, first):
        HmacDrbg.__init__(self, b"seed of who came after BearSSL.....")
        self.first = first

    def fill(self, buffer, additional=b""):
        HmacDrbg.fill(self, buffer, additional)
        if self.first is not None:
            assert len(buffer) == len(self.first)
            buffer[:] = self.first
            self.first = None


def certificates_of(flight):
    """Return the certificates in a server's flight, DER."""
    body = dict(wire.messages(flight))[11]
    found, at = [], 3
    while at < len(body):
        end = at + 3 + int.from_bytes(body[at : at + 3], "big")
        found.append(body[at + 3 : end])
        at = end
    return found


def heir_of_2018(pair12, **changed):
    """Return a pair whose client has BearSSL's random of 2018, so the server's signature fits.

    What it trusts is the intermediate, for the recording has no root.
    """
    trace = OLDER["bearssl_2018-03"]
    authority = certificates_of(trace["flight_01_server"])[1]
    lax = {
        "entropy": RandomOf(trace["flight_00_client"][11:43]),
        "trust": TrustAnchors([anchor_from_certificate(authority)]),
        "server_name": "localhost",
        "extended_master_secret_required": False,
    }
    pair = pair12(client={**lax, **changed})
    assert pair.hello().random == trace["flight_00_client"][11:43]
    return pair, trace["flight_01_server"]


@pytest.mark.parametrize("piece_bytes", [536, 2059, 1, 100])
def test_bearssls_flight_of_2018_is_read_to_its_end(pair12, piece_bytes):
    pair, flight = heir_of_2018(pair12)
    assert len(flight) == 2059 == 5 + int.from_bytes(flight[3:5], "big")
    assert [kind for kind, _ in wire.messages(flight)] == [2, 11, 12, 14]
    pair.tell(pair.client, flight, piece_bytes)
    # Leaf by intermediate, and the key exchange of that connection with its very randoms.
    assert pair.client.signatures_verified == 2
    assert (pair.client.group, pair.client.signature_scheme) == (0x001D, 0x0401)
    # What BearSSL's client said next had these sizes: 42, then 6 and 37.
    answer = wire.records(pair.say(pair.client))
    assert [(kind, len(content)) for kind, content in answer] == [(22, 37), (20, 1), (22, 32)]


def test_one_piece_of_536_bytes_is_answered_by_nothing(pair12):
    pair, flight = heir_of_2018(pair12)
    for at in (0, 536, 1072):
        pair.tell(pair.client, flight[at : at + 536], 536)
        assert pair.say(pair.client) == b""
    assert len(flight[1608:]) == 451
    pair.tell(pair.client, flight[1608:], 536)
    assert pair.say(pair.client)


def test_the_signature_in_bearssls_flight_is_of_its_randoms(pair12):
    pair, flight = heir_of_2018(pair12)
    changed = bytearray(flight)
    changed[5 + 4 + 2 + 10] ^= 1  # in the server's random
    refusal = pair.refusal(pair.client, bytes(changed))
    assert refusal == ("server_key_exchange.bad_signature", 51)


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"server_name": "elsewhere.invalid"}, ("certificate.name_mismatch", 42)),
        (
            {"extended_master_secret_required": True},
            ("server_hello.no_extended_master_secret", 40),
        ),
    ],
)
def test_who_wants_more_than_bearssl_gave_refuses(pair12, changed, refusal):
    pair, flight = heir_of_2018(pair12, **changed)
    assert pair.refusal(pair.client, flight) == refusal


@pytest.mark.parametrize("versions", [(0x0303,), (0x0304, 0x0303)])
def test_tls_1_1_is_refused_by_its_version_in_both_roles(pair12, versions):
    trace = OLDER["axtls149_esp8266_tls11"]
    pair = pair12(client={"versions": versions}, versions=versions)
    refusal = pair.refusal(pair.server, trace["flight_00_client"])
    assert refusal == ("client_hello.version_not_supported", 70)
    refusal = pair.refusal(pair.client, trace["flight_01_server"])
    assert refusal == ("server_hello.version_not_supported", 70)
