"""Sessions that go on: the client speaks last, and says it again if that is lost."""

import pytest
from dtls_network import Scripted, records

from tlscore.clock import FixedClock
from tlscore.entropy import HmacDrbg
from tlscore.tickets import TicketKeys
from tlscore.tls12.session_cache import SessionCache

UTC_SECONDS = 1_800_000_000
CHANGE_CIPHER_SPEC = 20


def keeper(by):
    keeps = SessionCache if by == "session_id" else TicketKeys
    kept = keeps(HmacDrbg(b"seed of who keeps the sessions.."), FixedClock(UTC_SECONDS))
    return {"sessions": kept} if by == "session_id" else {"tickets": kept}


def joined(made, session=None, hands_over=False):
    host = made.join(made.ends.client(2 if session else 1, session=session, ticket_bytes_max=500))
    host.hands_over = hands_over
    made.run(made.clock.now + 60000, lambda: host.connected_ms is not None and made.connected())
    assert host.error is None
    assert made.connected()
    return host


@pytest.mark.parametrize("by", ["ticket", "session_id"])
@pytest.mark.parametrize("suite", [0xC0A8, 0xC02B])
@pytest.mark.parametrize("loses", [False, True])
@pytest.mark.parametrize("hands_over", [False, True])
def test_a_session_goes_on(network, by, suite, loses, hands_over):
    lost = []

    def script(to_server, _number, datagram):
        # The end of the second handshake is the client's.
        is_end = to_server and records(datagram)[0][0] == CHANGE_CIPHER_SPEC
        if is_end and loses and not lost:
            lost.append(datagram)
            return []
        return None

    made = network(Scripted(script), suite, **keeper(by))
    first = joined(made)
    session = first.connection.take_session()
    first.connection.close()
    made.run(made.clock.now + 1000)
    made.hosts.clear()
    again = joined(made, session, hands_over)
    server = made.listener.sessions[0].connection
    assert (again.connection.resumed_by, server.resumed_by) == (by, by)
    assert len(lost) == again.connection.retransmissions == loses
    both = (again.connection, server)
    ours, theirs = [end.export(b"EXPORTER-hil", None, 32) for end in both]
    assert ours == theirs
    again.write(b"hello")
    made.run(made.clock.now + 1000)
    assert again.heard == [b"hello"]
