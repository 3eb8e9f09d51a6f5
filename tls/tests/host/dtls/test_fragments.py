"""Messages in fragments: in any order, overlapping, cut in another way the second time."""

import random

import pytest
from dtls_network import Scripted, first_message, records

from tlscore.dtls.fragments import HeldFragments
from tlscore.tls12.states import WAIT_CHANGE_CIPHER_SPEC

ECDSA_CCM_8 = 0xC0AE
HANDSHAKE = 22


def fragment(kind, number, body, start, end):
    """Return the fragment of a message that has its bytes from start to end."""
    length, size = len(body).to_bytes(3, "big"), (end - start).to_bytes(3, "big")
    head = bytes((kind,)) + length + number.to_bytes(2, "big") + start.to_bytes(3, "big") + size
    return head + body[start:end]


def taken_apart(datagram):
    """Return [(type, number, body)] of the messages in the clear in a datagram, and the rest."""
    found, rest = [], b""
    for content_type, epoch, record in records(datagram):
        if content_type == HANDSHAKE and not epoch:
            found.append((record[13], int.from_bytes(record[17:19], "big"), record[25:]))
        else:
            rest += record
    return found, rest


def are_whole(datagram):
    """Tell whether no message in a datagram has been cut before."""
    rows = [row[2] for row in records(datagram) if row[0] == HANDSHAKE and not row[1]]
    return all(row[14:17] == row[22:25] for row in rows)


def plain(pieces, number):
    content = b"".join(pieces)
    head = b"\x16\xfe\xfd\x00\x00" + number.to_bytes(6, "big")
    return head + len(content).to_bytes(2, "big") + content


def cut_anew(seed):
    """Return a script that cuts every message in the clear in its own way, overlapping."""
    chance = random.Random(seed)

    def script(_to_server, _number, datagram):
        messages, rest = taken_apart(datagram)
        if not messages or messages[0][0] in (1, 3) or not are_whole(datagram):
            return None
        pieces = []
        for kind, number, body in messages:
            at = 0
            while at < len(body) or not body:
                end = min(len(body), at + chance.randint(1, 90))
                start = max(0, at - chance.randint(0, 40))
                pieces.append(fragment(kind, number, body, start, end))
                at = end
                if not body:
                    break
        chance.shuffle(pieces)
        arriving = []
        for number, piece in enumerate(pieces):
            arriving.append((chance.randint(10, 60), plain([piece], 1000 + number)))
        return [*arriving, (70, rest)] if rest else arriving

    return script


@pytest.mark.parametrize("seed", range(5))
def test_messages_cut_anew_overlapping_and_in_any_order(network, seed):
    made = network(Scripted(cut_anew(seed)), ECDSA_CCM_8, held_bytes=4096)
    host = made.join(made.ends.client(held_bytes=4096))
    made.run(60000, made.connected)
    assert made.connected()
    assert (host.error, host.connection.retransmissions) == (None, 0)


@pytest.mark.parametrize("held_bytes", [0, 100, 300])
def test_what_there_is_no_room_for_comes_again(network, held_bytes):
    made = network(Scripted(cut_anew(7)), ECDSA_CCM_8, retransmission_ms_max=1000)
    host = made.join(made.ends.client(held_bytes=held_bytes, retransmission_ms_max=1000))
    made.run(300000, made.connected)
    assert made.connected()
    assert host.error is None


def test_several_fragments_in_one_record(network):
    def script(_to_server, _number, datagram):
        messages, rest = taken_apart(datagram)
        if first_message(datagram) != 2:
            return None
        pieces = [
            fragment(kind, number, body, start, min(start + 50, len(body)))
            for kind, number, body in messages
            for start in range(0, max(1, len(body)), 50)
        ]
        return [(20, plain(pieces, 5) + rest)]

    made = network(Scripted(script), ECDSA_CCM_8)
    host = made.join(made.ends.client())
    made.run(60000, made.connected)
    assert (host.connection.retransmissions, host.connection.dropped) == (0, 0)


BODY = bytes(range(100))


def held(*spans, buffer_bytes=400, number=3):
    store = HeldFragments(buffer_bytes)
    for start, end in spans:
        store.hold(memoryview(fragment(11, number, BODY, start, end)), 0, 2)
    return store


def test_a_fragment_that_goes_on_is_found():
    store = held((50, 100), (20, 60), (0, 10))
    assert store.find(3, 10) == -1
    mark = store.find(3, 30)
    assert bytes(store.at(mark)[0]) == fragment(11, 3, BODY, 20, 60)
    assert store.find(4, 30) == -1


def test_the_same_fragment_is_held_once():
    store = held(*[(0, 100)] * 9)
    store.hold(memoryview(fragment(11, 4, BODY, 0, 100)), 1, 2)
    piece, epoch = store.at(store.find(4, 0))
    assert (bytes(piece[12:]), epoch) == (BODY, 1)


def test_what_is_full_takes_no_more_and_has_room_again():
    store = held((0, 100), buffer_bytes=130)
    store.hold(memoryview(fragment(11, 4, BODY, 0, 50)), 0, 2)
    assert store.find(4, 0) == -1
    store.drop(4)
    store.hold(memoryview(fragment(11, 4, BODY, 0, 50)), 0, 4)
    assert store.find(4, 0) >= 0


@pytest.mark.parametrize("number", [1, 18, 65535])
def test_what_is_no_message_to_come_is_not_held(number):
    store = HeldFragments(400)
    store.hold(memoryview(fragment(11, number, BODY, 0, 10)), 0, 2)
    assert store.find(number, 0) == -1


def test_what_is_full_gives_up_what_is_wanted_last():
    store = held((50, 100), (20, 50), buffer_bytes=180)
    store.hold(memoryview(fragment(11, 4, BODY, 0, 60)), 0, 2, evicts=True)
    assert store.find(4, 0) == -1
    assert store.find(3, 50) >= 0
    store.hold(memoryview(fragment(11, 3, BODY, 0, 20)), 0, 2, evicts=True)
    assert store.find(3, 0) >= 0
    store.hold(memoryview(fragment(11, 2, BODY, 0, 60)), 0, 2, evicts=True)
    assert [store.find(*place) >= 0 for place in ((2, 0), (3, 20), (3, 0), (3, 50))] == [
        True, True, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize("size", [1, 100])
def test_what_never_fits_gives_up_nothing(size):
    store = held((50, 90), buffer_bytes=60)
    before = store.find(3, 50)
    store.hold(memoryview(fragment(11, 2, BODY * 2, 0, 50 + size)), 0, 2, evicts=True)
    assert store.find(3, 50) == before >= 0


def test_what_is_used_up_takes_no_room():
    store = held((0, 60), (30, 100), buffer_bytes=160)
    store.drop(3, 60)
    assert store.find(3, 0) == -1
    store.drop(3, 99)
    assert store.find(3, 99) >= 0
    store.drop(3, 100)
    assert store.find(3, 99) == -1


def test_a_flight_whose_beginning_was_lost_goes_on_when_that_comes(network):
    """What lies far behind the gap must not keep out what fills it."""
    arriving = ({2, 3, 4, 5, 6}, {1}, {0}, {4, 5, 6, 7})
    flights = []

    def script(to_server, _number, datagram):
        if to_server or first_message(datagram) == 3:
            return None
        if first_message(datagram) == 2:
            flights.append(0)
        flights[-1] += 1
        heard = arriving[len(flights) - 1] if len(flights) <= len(arriving) else ()
        return [(20, datagram)] if flights[-1] - 1 in heard else []

    options = {"datagram_bytes": 228, "held_bytes": 700, "retransmission_ms_max": 1000}
    made = network(Scripted(script), ECDSA_CCM_8, **options)
    host = made.join(made.ends.client(**options))
    made.run(20000, lambda: host.connection.state == WAIT_CHANGE_CIPHER_SPEC)
    assert host.connection.state == WAIT_CHANGE_CIPHER_SPEC
    assert max(flights) <= 8
