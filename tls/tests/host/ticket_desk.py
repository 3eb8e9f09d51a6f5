"""What tests of tickets share: a clock they move, keys, a server that gives tickets."""

from tlscore import states
from tlscore.entropy import HmacDrbg
from tlscore.tickets import Ticket, TicketKeys

NOW = 1_800_000_000  # what the identities are made for
DAY_S = 86400
WEEK_S = 7 * DAY_S
SECRET = bytes(range(32))
KEEP = {"ticket_bytes_max": 1000}


class Ticking:
    """A clock that tests move."""

    def __init__(self, utc_seconds=NOW):
        self.now = utc_seconds

    def utc_seconds(self):
        return self.now


def made_keys(clock=None, seed=b"seed of the tests of the tickets", **changes):
    return TicketKeys(HmacDrbg(seed), clock or Ticking(), **changes)


def ticket_of(clock=None, **changes):
    values = {"secret": SECRET, "created": (clock or Ticking()).now, "until": NOW + WEEK_S}
    return Ticket(**{**values, **changes})


class Desk:
    """A server that gives tickets, and clients that come again."""

    def __init__(self, loopback):
        self._loopback = loopback
        self.clock = Ticking()
        self.keys = made_keys(self.clock)

    def connect(self, session=None, client=None, **server):
        """Connect a client; return both ends and the session it got, if it got one."""
        config = {**KEEP, "clock": self.clock, "session": session, **(client or {})}
        both = self._loopback(client=config, **{"tickets": self.keys, **server})
        both.carry()
        assert both.client.state == both.server.state == states.CONNECTED
        assert both.client.resumed == both.server.resumed
        return both, both.client.take_session()
