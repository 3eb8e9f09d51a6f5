"""Handshakes over networks that lose, double and reorder datagrams: seeds fixed beforehand."""

import pytest
from dtls_network import Fate

PSK_CCM_8, ECDSA_CCM_8 = 0xC0A8, 0xC0AE
# A link that loses much without being congested: time-outs grow no longer than this.
LOSSY = {"retransmission_ms_max": 4000}


def handshake(network, fate, seed, suite=PSK_CCM_8, limit_ms=60000, **options):
    """Return when both ends were connected, in ms; None if they were not within the limit."""
    made = network(fate, suite, seed=seed, **LOSSY, **options)
    host = made.join(made.ends.client(seed, **LOSSY, **options))
    made.run(limit_ms, made.connected)
    if not made.connected() or host.error is not None:
        return None
    (session,) = [session for session in made.listener.sessions if session is not None]
    both = (host.connection, session.connection)
    ours, theirs = [end.export(b"EXPORTER-hil", None, 32) for end in both]
    assert ours == theirs
    return made.clock.now


def failures(network, seeds, limit_ms, suite=PSK_CCM_8, options=None, **fate):
    """Return the seeds whose handshakes did not come to an end in time."""
    return [
        seed
        for seed in seeds
        if handshake(network, Fate(seed, **fate), seed, suite, limit_ms, **(options or {})) is None
    ]


def test_every_handshake_survives_a_loss_of_30_percent(network):
    assert failures(network, range(200), 60000, loss=0.3) == []


def test_nearly_every_handshake_survives_a_loss_of_50_percent(network):
    assert len(failures(network, range(200), 300000, loss=0.5)) <= 2


def test_every_datagram_doubled_and_reordered_does_no_harm(network):
    fate = {"doubled": 1.0, "delay_ms": (1, 400)}
    assert failures(network, range(200), 60000, **fate) == []


@pytest.mark.parametrize("datagram_bytes", [1200, 256])
def test_handshakes_with_certificates_survive_loss(network, datagram_bytes):
    options = {"datagram_bytes": datagram_bytes}
    found = failures(network, range(4), 60000, ECDSA_CCM_8, options, loss=0.3)
    assert found == []


@pytest.mark.parametrize("datagram_bytes", [1200, 256])
def test_handshakes_with_certificates_survive_disorder(network, datagram_bytes):
    fate = {"doubled": 1.0, "delay_ms": (1, 400)}
    options = {"datagram_bytes": datagram_bytes}
    assert failures(network, range(3), 60000, ECDSA_CCM_8, options, **fate) == []


@pytest.mark.parametrize("seed", [3, 38])
def test_handshakes_with_certificates_survive_a_loss_of_50_percent(network, seed):
    """Seed 38: a ServerKeyExchange in two fragments that were both held, once taken wrongly."""
    assert failures(network, [seed], 300000, ECDSA_CCM_8, loss=0.5) == []
