"""How what we send is cut into records, seen from outside, in both roles (RFC 8446 §5.1, §D.4)."""

import pytest
from server_messages import P256, X25519
from traffic_keys import TrafficKey

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, DATA = 20, 21, 22, 23
# RFC 8446 §5.1: "ClientHello, EndOfEarlyData, ServerHello, Finished, and KeyUpdate messages can
# immediately precede a key change".
BEFORE_KEY_CHANGE = (1, 2, 20, 24)
LABELS = {"CLIENT": "CLIENT_TRAFFIC_SECRET_0", "SERVER": "SERVER_TRAFFIC_SECRET_0"}


class Wire:
    """Our client and our server; everything either sends is kept and can be read."""

    def __init__(self, loopback, **options):
        self.secrets = {}

        def log(label, _random, secret):
            self.secrets[label] = secret

        client = {"keylog": log, **options.pop("client", {})}
        self.both = loopback(client=client, **options)
        self.heard = {"CLIENT": b"", "SERVER": b""}
        for name, end in (("CLIENT", self.both.client), ("SERVER", self.both.server)):
            self._tap(name, end)

    def _tap(self, name, end):
        sent = end.sent

        def tapped(size):
            self.heard[name] += bytes(end.to_send()[:size])
            sent(size)

        end.sent = tapped

    def records(self, name):
        """Return [(outer type, version, inner type, content)] of one side, in order."""
        rest, found, key = self.heard[name], [], None
        suite = self.both.client.suite
        while rest:
            size = 5 + int.from_bytes(rest[3:5], "big")
            record, rest = rest[:size], rest[size:]
            kind, content = record[0], record[5:]
            if kind == DATA:
                if key is None:
                    key = TrafficKey(suite, self.secrets[name + "_HANDSHAKE_TRAFFIC_SECRET"])
                kind, content = key.open(record)
            found.append((record[0], record[1:3], kind, content))
            if kind == HANDSHAKE and content[0] == 24:
                key = key.update()
            elif kind == HANDSHAKE and record[0] == DATA and content[0] == 20:
                key = TrafficKey(suite, self.secrets[LABELS[name]])
        return found


@pytest.fixture(params=[None, P256], ids=["at once", "retried"])
def wire(loopback, request):
    """Return a wire on which all has been said: handshake, new keys, data, closing."""
    client = {"groups": (X25519, P256), "padding_bytes": 7}
    groups = (X25519,) if request.param is None else (request.param,)
    wire = Wire(loopback, client=client, groups=groups, send_buffer_bytes=400)
    both = wire.both.connect()
    for end in (both.client, both.server):
        end.update_keys(request_peer=True)
        both.carry()
        end.write(b"data")
        both.carry()
    for end in (both.client, both.server):
        end.close()
        both.carry()
    return wire


@pytest.mark.parametrize("name", ["CLIENT", "SERVER"])
def test_messages_before_a_key_change_begin_and_end_their_record(wire, name):
    partial, seen = b"", set()
    for _, _, kind, content in wire.records(name):
        # "if a handshake message is split over two or more records, there MUST NOT be any other
        # records between them".
        assert kind == HANDSHAKE or not partial
        if kind == HANDSHAKE:
            partial += content
            size = 4 + int.from_bytes(partial[1:4], "big")
            assert partial[0] not in BEFORE_KEY_CHANGE or partial == content[:size] == content
            if len(partial) >= size:
                seen.add(partial[0])
                assert len(partial) == size
                partial = b""
    assert seen == ({1, 20, 24} if name == "CLIENT" else {2, 8, 11, 15, 20, 24})


@pytest.mark.parametrize("name", ["CLIENT", "SERVER"])
def test_no_record_is_empty_and_an_alert_has_one_to_itself(wire, name):
    records = wire.records(name)
    assert min(len(content) for *_, content in records) > 0
    assert [content for _, _, kind, content in records if kind == ALERT] == [b"\x01\x00"]
    # §2: data is never in the clear; §5: once there are keys only change_cipher_spec is.
    assert {outer for outer, _, kind, _ in records if kind in (DATA, ALERT)} == {DATA}
    outer = [outer for outer, *_ in records]
    after = outer[outer.index(DATA) :]
    assert set(after) <= {DATA, CHANGE_CIPHER_SPEC}


def test_the_version_of_records_is_the_old_one(wire):
    client, server = wire.records("CLIENT"), wire.records("SERVER")
    assert client[0][1] == b"\x03\x01"
    assert {version for _, version, *_ in client[1:] + server} == {b"\x03\x03"}


def test_each_side_sends_one_change_cipher_spec_at_its_place(wire):
    # §D.4: the client "immediately before its second flight", which a second ClientHello is;
    # the server "immediately after its first handshake message".
    for name in ("CLIENT", "SERVER"):
        kinds = [kind for _, _, kind, _ in wire.records(name)]
        assert kinds[:3] == [HANDSHAKE, CHANGE_CIPHER_SPEC, HANDSHAKE]
        assert kinds.count(CHANGE_CIPHER_SPEC) == 1
