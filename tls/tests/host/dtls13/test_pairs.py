"""Both ends of DTLS 1.3 over networks: such that do nothing, that lose, double and reorder."""

import pytest
from dtls_network import Fate

GCM, CHACHA20, CCM, CCM_8, GCM_256 = 0x1301, 0x1303, 0x1304, 0x1305, 0x1302


def talks(made, host, said=b"hello"):
    host.write(said)
    made.run(made.clock.now + 2000)
    return bool(host.heard) and host.heard[-1] == said


def exported(made, host):
    (session,) = [session for session in made.listener.sessions if session is not None]
    both = (host.connection, session.connection)
    ours, theirs = [end.export(b"EXPORTER-hil", None, 32) for end in both]
    return ours, theirs


@pytest.mark.parametrize("suite", [GCM, CHACHA20, CCM, CCM_8])
@pytest.mark.parametrize("by_key", [True, False])
def test_both_ends_of_every_suite_talk(connected, suite, by_key):
    made, host = connected(by_key=by_key, suite=suite)
    assert talks(made, host)
    assert talks(made, host, b"x")
    assert talks(made, host, b"")
    assert talks(made, host, b"x" * 1000)
    ours, theirs = exported(made, host)
    assert ours == theirs
    assert host.connection.retransmissions == 0


# --- networks that lose, double and reorder; seeds fixed beforehand

# A link that loses much without being congested: time-outs grow no longer than this.
LOSSY = {"retransmission_ms_max": 4000}


def handshake(network, fate, seed, by_key, limit_ms, options):
    """Return the network of a handshake that came to its end in time, else None."""
    made = network(fate, by_key, seed=seed, **LOSSY, **options)
    host = made.join(made.ends.client(seed, **LOSSY, **options))
    made.run(limit_ms, made.connected)
    if not made.connected() or host.error is not None:
        return None
    ours, theirs = exported(made, host)
    assert ours == theirs
    return made


def failures(network, seeds, limit_ms, by_key=True, options=None, **fate):
    """Return the seeds whose handshakes did not come to an end in time."""
    return [
        seed
        for seed in seeds
        if handshake(network, Fate(seed, **fate), seed, by_key, limit_ms, options or {}) is None
    ]


def test_every_handshake_survives_a_loss_of_30_percent(network):
    assert failures(network, range(200), 60000, loss=0.3) == []


def test_nearly_every_handshake_survives_a_loss_of_50_percent(network):
    assert len(failures(network, range(200), 300000, loss=0.5)) <= 2


def test_every_datagram_doubled_and_reordered_does_no_harm(network):
    fate = {"doubled": 1.0, "delay_ms": (1, 400)}
    assert failures(network, range(100), 60000, **fate) == []


@pytest.mark.parametrize("datagram_bytes", [1200, 400])
def test_handshakes_with_certificates_survive_loss(network, datagram_bytes):
    options = {"datagram_bytes": datagram_bytes}
    assert failures(network, range(6), 60000, False, options, loss=0.3) == []


@pytest.mark.parametrize("datagram_bytes", [1200, 400])
def test_handshakes_with_certificates_survive_disorder(network, datagram_bytes):
    fate = {"doubled": 1.0, "delay_ms": (1, 400)}
    options = {"datagram_bytes": datagram_bytes}
    assert failures(network, range(3), 60000, False, options, **fate) == []
