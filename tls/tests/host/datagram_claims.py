"""What is claimed of DTLS 1.2 and of DTLS 1.3 alike: each has a class of tests made of this one.

Fixtures are those of the folder that the tests are in: `ends`, `network`, `connected`.
"""

import random

import pytest
from dtls_network import Fate, talks

from tlscore.errors import AlertReceived, UsageError

FAILED = 14
# In the clear, fatal, handshake_failure.
PLAIN_ALERT = b"\x15\xfe\xfd" + bytes(8) + b"\x00\x02\x02\x28"


class DatagramClaims:
    """The claims.

    Attributes:
        connection_class: of a client.
        failures_max: how many handshakes junk may begin that then fail.
    """

    connection_class = None
    failures_max = 0

    def look_alikes(self, chance, junk):
        """Return datagrams of random bytes with headers that may be genuine."""
        raise NotImplementedError

    def test_junk_never_ends_a_handshake_or_a_session(self, network):
        """Bytes at random, also behind headers, and what was said before with a bit changed."""
        chance = random.Random(1)
        made = network(Fate())

        def flood(up):
            genuine = chance.choice(made.log)[2]
            at = chance.randrange(8 * len(genuine))
            changed = bytearray(genuine)
            changed[at >> 3] ^= 1 << (at & 7)
            junk = chance.randbytes(chance.randrange(100))
            pieces = [junk, *self.look_alikes(chance, junk)]
            # What is changed only once all is said: until then hellos are believed.
            if host.connected_ms is not None:
                pieces.append(bytes(changed))
            for piece in pieces:
                made._arrive(up, host.address, piece)

        host = made.join(made.ends.client())
        for step in range(400):
            made.run(made.clock.now + 5)
            made.clock.now += 5
            if made.log:
                flood(step % 2 == 0)
        made.run(60000, made.connected)
        assert made.connected()
        assert host.error is None
        assert made.listener.failed <= self.failures_max
        assert host.connection.dropped > 300
        assert talks(made, host)

    def test_an_alert_in_the_clear_is_named_when_the_handshake_has_taken_too_long(self, ends):
        both = ends()
        connection = self.connection_class(both.client())
        connection.datagram_into(bytearray(2000))
        connection.receive_datagram(bytearray(PLAIN_ALERT))
        assert (connection.heard_alert, connection.state) == (40, 1)
        both.clock.now += 300000
        with pytest.raises(AlertReceived, match="handshake_failure"):
            connection.handle_timeout()
        assert (connection.state, connection.wants) == (FAILED, 0)

    def test_timeouts_grow_to_their_limit(self, ends):
        both = ends()
        connection = self.connection_class(both.client(handshake_ms_max=10**6))
        buffer, waits = bytearray(2000), []
        for _ in range(9):
            while connection.datagram_into(buffer):
                pass
            waits.append(connection.next_timeout())
            both.clock.now += waits[-1]
        assert waits == [1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000]

    def test_a_datagram_too_long_is_refused(self, connected):
        made, host = connected()
        room = host.connection.write_room(2000)
        host.write(bytes(room))
        with pytest.raises(UsageError, match=r"connection\.datagram_too_long"):
            host.write(bytes(room + 1))
        assert max(len(row[2]) for row in made.log) == 1200

    def test_a_close_is_heard_and_frees_the_slot(self, connected):
        made, host = connected()
        host.connection.close()
        made.run(made.clock.now + 1000)
        assert made.listener.sessions == [None] * 4
        with pytest.raises(UsageError, match=r"connection\.(closed|not_connected)"):
            host.write(b"x")

    def test_streams_are_refused(self, ends):
        connection = self.connection_class(ends().client())
        for name in ("receive", "write", "sent", "read_into"):
            with pytest.raises(UsageError, match=r"connection\.datagrams"):
                getattr(connection, name)(b"")
