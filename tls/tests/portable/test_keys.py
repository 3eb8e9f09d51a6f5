"""Pre-shared keys, tickets and sessions of client and server, on CPython and on boards.

Plain asserts and no fixtures: pytest runs this on CPython; a board is sent the file and runs `job`.
Both roles are in one process, with small buffers. What each of them refuses is tested in
tls/tests/host; this is that they work where they are meant for.
"""

from tlscore import session, states
from tlscore.client import ClientConnection
from tlscore.clock import FixedClock
from tlscore.config import ClientConfig
from tlscore.entropy import HmacDrbg
from tlscore.server import ServerConnection
from tlscore.server_config import ServerConfig
from tlscore.tickets import TicketKeys

KEY = bytes(range(32))
SEED = bytes(range(100, 132))
BUFFERS = {"record_buffer_bytes": 600, "send_buffer_bytes": 700}
# Past 2038: no 32-bit integer holds it with a sign.
UTC_SECONDS = 2200000000


class Desk:
    """A server with a key and tickets, and clients that have nothing else."""

    def __init__(self, **server):
        self.clock = FixedClock(UTC_SECONDS)
        keys = TicketKeys(HmacDrbg(KEY), self.clock)
        self.config = ServerConfig(
            HmacDrbg(SEED), psk=self.look_up, tickets=keys, **BUFFERS, **server
        )

    def look_up(self, identity):
        """Return the key of the one identity there is."""
        return (KEY, 32) if identity == b"sensor" else None

    def connect(self, clock=None, **client):
        """Connect a client and return both ends."""
        config = ClientConfig(
            HmacDrbg(KEY),
            clock or self.clock,
            None,
            "server.example",
            ticket_bytes_max=400,
            **BUFFERS,
            **client,
        )
        ends = ClientConnection(config), ServerConnection(self.config)
        carry(*ends)
        for end in ends:
            assert end.state == states.CONNECTED
        assert ends[0].export(b"EXPORTER-test", b"", 32) == ends[1].export(
            b"EXPORTER-test", b"", 32
        )
        return ends


def carry(client, server):
    """Carry bytes until neither end has any."""
    while len(client.to_send()) or len(server.to_send()):
        for source, sink in ((client, server), (server, client)):
            data = bytes(source.to_send())
            source.sent(len(data))
            assert sink.receive(data) == len(data)


def test_an_external_key_connects_with_and_without_key_exchange():
    for modes, exchanged in (((1,), True), ((0,), False)):
        client, server = Desk(psk_modes=modes).connect(
            psks=((b"unknown", KEY, 32), (b"sensor", KEY, 32)), psk_modes=modes
        )
        assert client.psk_identity == server.psk_identity == b"sensor"
        assert (client.group is not None) == exchanged


def test_a_binder_is_made_again_after_a_retry():
    desk = Desk(groups=(0x0017,), cookie_key=KEY)
    client, server = desk.connect(psks=((b"sensor", KEY, 32),), groups=(0x001D, 0x0017))
    assert server.retried
    assert client.psk_identity == b"sensor"


def test_a_stored_session_is_resumed():
    desk = Desk()
    client, _ = desk.connect(psks=((b"sensor", KEY, 32),))
    stored = client.take_session().to_bytes()
    later = FixedClock(UTC_SECONDS + 5000)
    client, server = desk.connect(clock=later, session=session.from_bytes(stored))
    assert client.resumed
    assert server.resumed
    assert server.psk_identity == b"sensor"
    assert client.take_session().expires_utc_seconds == UTC_SECONDS + 604800


def job(_link) -> int:
    """Run as a job of the on-board agent; return the number of tests that passed."""
    tests = [value for name, value in sorted(globals().items()) if name.startswith("test_")]
    for test in tests:
        test()
    return len(tests)
