"""Recorded DTLS 1.2 handshakes between OpenSSL and GnuTLS, opened and verified with our parts.

Every record is taken by our receiver's rules, every fragment put together, both Finished computed
from a transcript that hashes as a connection does, and the cookie exchange seen as it was.
"""

import pytest
import trace_files
from dtls_network import records

from tlscore.crypto.hashes import SHA256
from tlscore.dtls import cookie, fragments
from tlscore.dtls.record import RecordProtection, ReplayWindow
from tlscore.dtls.transcript import Transcript
from tlscore.tls12 import client_hello_parser, schedule, suites

CLIENT, SERVER = "client", "server"
# name -> (suite, messages of the client, messages of the server)
FOUND = {
    "dtls12-ccm8": (0xC0AE, [1, 1, 16, 20], [3, 2, 11, 12, 14, 4, 20]),
    "dtls12-psk-ccm8": (0xC0A8, [1, 1, 16, 20], [3, 2, 14, 4, 20]),
}


TRACES = trace_files.read("recorded_dtls12.traces")


class Wiretap:
    """A listener to one recorded handshake."""

    def __init__(self, trace):
        self.trace = trace
        self.master = trace["secret_client_random"]
        self.types = {CLIENT: [], SERVER: []}
        self.data = {CLIENT: b"", SERVER: b""}
        self.protections = {}
        self.windows = {CLIENT: ReplayWindow(), SERVER: ReplayWindow()}
        self.messages = []  # (speaker, number, message with the header of TLS)
        self.random = self.suite = self.keys = None
        self.alerts = 0

    def listen(self):
        for field in sorted(field for field in self.trace if field.startswith("flight")):
            for content_type, epoch, record in records(self.trace[field]):
                self.record(field.rsplit("_", 1)[1], content_type, epoch, bytearray(record))
        return self

    def record(self, speaker, content_type, epoch, record):
        start, end = 13, len(record)
        number = int.from_bytes(record[5:11], "big")
        if epoch:
            protection = self.protection(speaker)
            assert self.windows[speaker].is_new(number)
            start = protection.open(record, 0, number, end)
            assert start > 0
            self.windows[speaker].add(number)
            assert not self.windows[speaker].is_new(number)
            end, content_type = protection.content_end, protection.content_type
        if content_type == 22:
            self.fragment(speaker, record[start:end])
        elif content_type == 23:
            self.data[speaker] += record[start:end]
        self.alerts += content_type == 21

    def protection(self, speaker):
        if self.keys is None:
            self.keys = schedule.keys(self.suite, self.master, self.random)
        if speaker not in self.protections:
            key, salt = self.keys[:2] if speaker == CLIENT else self.keys[2:]
            self.protections[speaker] = RecordProtection(self.suite, key, salt)
        return self.protections[speaker]

    def fragment(self, speaker, piece):
        # None of them is cut up.
        assert fragments.offset_of(piece) == 0
        assert fragments.size_at(piece, 0) == fragments.length_of(piece)
        assert len(piece) == 12 + fragments.length_of(piece)
        kind, body = piece[0], memoryview(bytes(piece))[12:]
        self.types[speaker].append(kind)
        if kind == 1:
            assert client_hello_parser.parse(body, has_cookie=True).extended_master_secret
            self.random = bytes(body[2:34])
        elif kind == 2:
            at = 35 + body[34]
            self.suite = suites.find(body[at] << 8 | body[at + 1])
            self.random += bytes(body[2:34])
        elif kind == 20:
            label = b"client finished" if speaker == CLIENT else b"server finished"
            expected = schedule.finished_verify_data(SHA256, self.master, label, self.digest())
            assert expected == bytes(body)
        message = bytes(piece[:4]) + bytes(body)
        self.messages.append((speaker, fragments.number_of(piece), message))

    def digest(self):
        """Return the hash of what was said, from the ClientHello with the cookie on."""
        said = self.messages[2:]
        transcript = Transcript(SHA256, 1, None, said[0][1], said[1][1])
        for _speaker, number, message in said:
            if transcript.sequence != number:
                transcript.sequence = number
            # In pieces, as a chain of certificates comes.
            transcript.update(message[:4])
            for at in range(4, len(message), 100):
                transcript.update(message[at : at + 100])
        return transcript.digest()


def test_every_trace_is_read():
    assert TRACES.keys() == FOUND.keys()


@pytest.mark.parametrize("name", FOUND)
def test_a_recording_is_decrypted_put_together_and_verified(name):
    heard = Wiretap(TRACES[name]).listen()
    suite, of_client, of_server = FOUND[name]
    assert heard.suite.code == suite
    assert (heard.types[CLIENT], heard.types[SERVER]) == (of_client, of_server)
    assert heard.data[CLIENT] == b"hello\n"
    assert heard.alerts


def test_the_master_secret_of_a_recorded_key_is_found():
    trace = TRACES["dtls12-psk-ccm8"]
    heard = Wiretap(trace).listen()
    heard.messages = heard.messages[:6]  # up to ClientKeyExchange
    assert heard.messages[-1][2][0] == 16
    premaster = schedule.premaster_of_key(trace["psk"])
    digest = heard.digest()
    assert schedule.extended_master_secret(SHA256, premaster, digest) == heard.master


@pytest.mark.parametrize("name", FOUND)
def test_a_recorded_first_fragment_is_found_with_its_cookie(name):
    trace = TRACES[name]
    first = cookie.first_fragment(memoryview(trace["flight_00_client"]))
    second = cookie.first_fragment(memoryview(trace["flight_02_client"]))
    asked = trace["flight_01_server"]
    assert len(first.cookie) == 0
    assert bytes(second.cookie) == asked[28:]
    assert (first.random, bytes(first.said)) == (second.random, bytes(second.said))
    for datagram in (asked, trace["flight_03_server"], b"", trace["flight_00_client"][:40]):
        assert cookie.first_fragment(memoryview(datagram)) is None
