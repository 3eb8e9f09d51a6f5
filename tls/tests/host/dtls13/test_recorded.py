"""Recorded connections of wolfSSL with itself: opened, put together and verified with our parts."""

import pathlib

import pytest

from tlscore import messages
from tlscore.dtls import fragments
from tlscore.dtls13 import acks, suites
from tlscore.dtls13.record import Header, RecordProtection, is_protected
from tlscore.schedule import exported_keying_material, finished_verify_data, next_traffic_secret
from tlscore.transcript import message_hash

FILE = pathlib.Path(__file__).parents[2] / "vectors" / "recorded_dtls13.traces"
HANDSHAKE, DATA, ACK = 22, 23, 26
CLIENT_HELLO, KEY_UPDATE, FINISHED = 1, 24, 20
# What the ends were told to have for connection ids: the records say that of who receives them.
IDS = {">": b"\xa1\xa2", "<": b"\xc1"}


def traces():
    """Return {title: (facts, [(direction, datagram)])}."""
    found = {}
    for line in FILE.read_text().splitlines():
        if line.startswith("["):
            facts, datagrams = {}, []
            found[line.strip("[]")] = (facts, datagrams)
        elif line and not line.startswith("#"):
            name, value = line.split()
            if name in IDS:
                datagrams.append((name, bytes.fromhex(value)))
            else:
                facts[name] = bytes.fromhex(value)
    return found


TRACES = traces()


class Listener:
    """Whoever has the secrets.

    Attributes:
        messages: {direction: [message with its header of TLS]}
        heard: [(direction, epoch, content type, content)] of what was protected.
    """

    def __init__(self, suite, facts):
        self._suite = suite
        self._secrets, self._keys = {}, {}
        self.messages = {">": [], "<": []}
        self.heard = []
        for way, who in ((">", "client"), ("<", "server")):
            first = facts[who + "_handshake_traffic_secret"]
            self._secrets[way] = facts[who + "_traffic_secret_0"]
            self._keys[way] = [
                RecordProtection(suite, first, 2, IDS[way]),
                RecordProtection(suite, self._secrets[way], 3, IDS[way]),
            ]

    def take(self, way, datagram):
        view, at = memoryview(bytearray(datagram)), 0
        while at < len(view):
            if is_protected(view[at]):
                at = self._open(way, view, at)
            else:
                end = at + 13 + (view[at + 11] << 8 | view[at + 12])
                self._take(way, 0, view[at], view[at + 13 : end])
                at = end

    def _open(self, way, view, at):
        header = Header(view, at, len(IDS[way]))
        assert header.connection_id == IDS[way]
        (key,) = [key for key in self._keys[way] if key.epoch & 3 == header.epoch_bits]
        assert key.open(view, header) >= 0
        content = view[header.content : key.content_end]
        self.heard.append((way, key.epoch, key.content_type, bytes(content)))
        self._take(way, key.epoch, key.content_type, content)
        return header.end

    def _take(self, way, epoch, content_type, content):
        if content_type != HANDSHAKE:
            return
        size = fragments.length_of(content)
        assert (fragments.offset_of(content), len(content)) == (0, 12 + size)
        message = bytes(content[:4]) + bytes(content[12:])
        number, said = fragments.number_of(content), self.messages[way]
        if number < len(said):  # sent again
            assert message == said[number]
            return
        assert number == len(said)
        said.append(message)
        if message[0] == KEY_UPDATE:
            secret = next_traffic_secret(self._suite.hash, self._secrets[way])
            self._keys[way].append(RecordProtection(self._suite, secret, epoch + 1, IDS[way]))


def listen(title):
    facts, datagrams = TRACES[title]
    suite = suites.find(int(title.split()[0], 16))
    listener = Listener(suite, facts)
    for way, datagram in datagrams:
        listener.take(way, datagram)
    return suite, facts, listener


def upto_finished(said):
    ends = [index for index, message in enumerate(said) if message[0] == FINISHED]
    return said[: ends[0] + 1]


@pytest.mark.parametrize("title", TRACES)
def test_the_transcript_is_that_of_tls(title):
    """RFC 9147 §5.2: without message_seq, fragment_offset and fragment_length."""
    suite, facts, listener = listen(title)
    ours, theirs = upto_finished(listener.messages[">"]), upto_finished(listener.messages["<"])
    hash_ = suite.hash
    first = message_hash(hash_, ours[0])
    transcript = [first, theirs[0], ours[1], *theirs[1:-1]]
    for finished, secret in ((theirs[-1], "server"), (ours[-1], "client")):
        digest = hash_.new(b"".join(transcript)).digest()
        base = facts[secret + "_handshake_traffic_secret"]
        assert finished[messages.HEADER_BYTES :] == finished_verify_data(hash_, base, digest)
        transcript.append(finished)


@pytest.mark.parametrize("title", TRACES)
def test_keys_are_updated_and_data_are_echoed(title):
    _, _, listener = listen(title)
    data = [(way, epoch, said) for way, epoch, kind, said in listener.heard if kind == DATA]
    assert data[0] == (">", 3, b"hello")
    assert data[-1][0] == "<"
    assert data[-1][2] == b"hello"
    assert max(epoch for way, epoch, _, _ in listener.heard if way == "<") == 4


@pytest.mark.parametrize("title", TRACES)
def test_the_end_of_the_handshake_is_acknowledged(title):
    _, _, listener = listen(title)
    said = [acks.parse(memoryview(said)) for way, _, kind, said in listener.heard if kind == ACK]
    assert [(2, 0)] in said


@pytest.mark.parametrize("title", TRACES)
def test_keying_material_is_that_which_both_exported(title):
    suite, facts, _ = listen(title)
    found = exported_keying_material(suite.hash, facts["exporter_secret"], b"EXPORTER-hil", b"", 32)
    assert found == facts["exported"]
