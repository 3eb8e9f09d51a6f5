"""Datagrams changed on their way: what is changed is drawn from a seed.

Octets, lengths, order, pieces cut off or doubled. Whatever comes of the handshake, two ends that
call themselves connected have the same keys.
"""

import random

from dtls_network import CONNECTED, Scripted

# Where headers of records and fragments lie in a datagram's first record, in the clear or not.
FIELDS = (0, 1, 2, 4, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26)
SHARES = (0.2, 0.7)
OPTIONS = {"retransmission_ms_max": 2000, "handshake_ms_max": 30000}


def tampering(seed, share):
    """Return a script that changes a share of the datagrams."""
    chance = random.Random(seed)

    def changed(datagram):
        octets = bytearray(datagram)
        way = chance.randrange(6)
        if way == 0:
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        elif way == 1:
            at = chance.choice(FIELDS)
            if at < len(octets):
                octets[at] = chance.choice((0, 1, 2, 3, 20, 22, 25, 127, 255))
        elif way == 2:
            del octets[chance.randrange(len(octets)) :]
        elif way == 3:
            octets += octets[chance.randrange(len(octets)) :]
        elif way == 4:
            at = chance.randrange(len(octets))
            del octets[at : at + chance.randrange(1, 20)]
        else:
            at = chance.randrange(len(octets))
            octets[at:at] = chance.randbytes(chance.randrange(1, 20))
        return bytes(octets)

    def script(_to_server, _number, datagram):
        if chance.random() > share:
            return None
        return [(20, changed(datagram)), *([(25, datagram)] if chance.random() < 0.5 else [])]

    return script


def comes_through(network, kind, seed, share, datagram_bytes):
    """Tell whether a handshake comes to its end in spite of everything.

    Args:
        network: the fixture.
        kind: what it takes for the kind of handshake.
        seed: of what is changed.
        share: of the datagrams that are changed.
        datagram_bytes: the sizes of datagrams to choose from.
    """
    options = {**OPTIONS, "datagram_bytes": random.Random(seed).choice(datagram_bytes)}
    if seed % 3 == 0:
        options["connection_id"] = b"ab"
    made = network(Scripted(tampering(seed, share)), kind, seed=seed, **options)
    host = made.join(made.ends.client(seed, **options))
    made.run(40000, made.connected)
    sessions = [session for session in made.listener.sessions if session is not None]
    servers = [session.connection for session in sessions if session.connection.state == CONNECTED]
    if host.connected_ms is None or not servers:
        return False
    both = (host.connection, servers[0])
    ours, theirs = [end.export(b"EXPORTER-hil", None, 32) for end in both]
    assert ours == theirs
    return True


def check(network, kind, seeds, share, datagram_bytes):
    """Nothing comes out of either end but errors of ours; and many get through all the same."""
    connected = [comes_through(network, kind, seed, share, datagram_bytes) for seed in range(seeds)]
    # What was spoilt came again.
    assert any(connected)
    assert not all(connected) or share < 0.5
