"""The network between a board and its peer of a scenario over a stream, and its account.

Over datagrams it is `hil.datagram_pump` that keeps both.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from hil.link import BOARD_TO_PEER, PEER_TO_BOARD, Direction, Pump
from hil.link_profile import Account, LinkProfile, profile_of
from hil.stream_weather import StreamWeather
from hil.tlsrig.scenario import Scenario


class StreamNetwork:
    """A link profile under one connection.

    Attributes:
        weather: of each direction, for the pump.
        patience_s: how much longer than without it all may take.
    """

    def __init__(self, profile: LinkProfile, seed: int) -> None:
        """Make both directions of a network; `seed` fixes what chance does."""
        self.weather: Mapping[Direction, StreamWeather] = {
            direction: StreamWeather(profile, seed, direction)
            for direction in (BOARD_TO_PEER, PEER_TO_BOARD)
        }
        self.patience_s = profile.patience_s
        self._profile, self._seed = profile, seed
        self._handshake_ms: float | None = None

    def note_connected(self, pump: Pump) -> None:
        """Note that the peer says that it is connected: from now on nothing is lost any more."""
        assert pump.began_s is not None
        for weather in self.weather.values():
            weather.be_calm()
        self._handshake_ms = (time.monotonic() - pump.began_s) * 1000

    def account(self) -> Account:
        """Return what it has done so far."""
        to_peer, to_board = (self.weather[way].tally for way in (BOARD_TO_PEER, PEER_TO_BOARD))
        return Account(self._profile.name, self._seed, self._handshake_ms, to_peer, to_board)


def of_scenario(scenario: Scenario) -> StreamNetwork | None:
    """Return the network of a scenario over a stream, None if it has none."""
    if scenario.link_profile is None:
        return None
    return StreamNetwork(profile_of(scenario.link_profile), scenario.link_seed)
