"""A stream on a network: nothing is lost, in order, and as late as the network says."""

from __future__ import annotations

import socket
import time

import pytest

from hil.link import BOARD_TO_PEER, PEER_TO_BOARD, LinkEndpoint, Pump
from hil.link_profile import PROFILES, LinkProfile
from hil.stream_weather import StreamWeather

DATA = bytes(range(256)) * 20
STREAMS = [profile for profile in PROFILES.values() if not profile.junk_per_s]


@pytest.mark.parametrize("profile", STREAMS, ids=lambda profile: profile.name)
@pytest.mark.parametrize("seed", range(5))
def test_all_of_it_arrives_in_order_on_every_network(profile: LinkProfile, seed: int) -> None:
    weather = StreamWeather(profile, seed, "there")
    arrived = [
        piece
        for now_ms, start in ((0.0, 0), (100.0, 2000), (50_000.0, 4000))
        for piece in weather.carry(now_ms, DATA[start : start + 2000])
    ]
    assert b"".join(data for _, data in arrived) == DATA
    times = [at_ms for at_ms, _ in arrived]
    assert times == sorted(times)
    assert times[0] >= profile.delay_ms[0]
    again = StreamWeather(profile, seed, "there").carry(0.0, DATA[:2000])
    assert again == arrived[: len(again)]


def test_a_modem_takes_the_time_of_its_bits() -> None:
    modem = LinkProfile("modem", "", delay_ms=(100, 100), bits_per_s=8000)
    # A millisecond an octet, headers of 40 octets on every 536.
    assert [at_ms for at_ms, _ in StreamWeather(modem, 0, "").carry(0, bytes(1000))] == [
        576 + 100,
        576 + 504 + 100,
    ]


def test_what_is_lost_comes_after_its_time_out_and_what_is_behind_it_waits() -> None:
    dark = LinkProfile("dark", "", delay_ms=(10, 10), blackouts_ms=((0, 2500),))
    weather = StreamWeather(dark, 0, "")
    # Sent at 0, after 1 s, and after 2 s more.
    assert weather.carry(0, b"first") == [(3010, b"first")]
    assert weather.carry(5, b"second") == [(3010, b"second")]
    assert weather.tally.reasons == {"blackout": 2}


def test_a_pump_delivers_late_and_ends_when_all_is_delivered() -> None:
    late = LinkProfile("late", "", delay_ms=(150, 150))
    weather = {way: StreamWeather(late, 0, way) for way in (BOARD_TO_PEER, PEER_TO_BOARD)}
    board, link = socket.socketpair()
    peer_side, peer = socket.socketpair()
    with board, peer, peer_side, link:
        endpoint = LinkEndpoint(link, carries_end=True)
        with Pump(endpoint, peer_side, None, weather) as pump:
            sent_s = time.monotonic()
            board.sendall(b"hello")
            board.shutdown(socket.SHUT_WR)
            peer.settimeout(10)
            assert peer.recv(100) == b"hello"
            assert time.monotonic() - sent_s >= 0.15
            assert peer.recv(100) == b""
            assert pump.delivered_bytes(BOARD_TO_PEER) == 5
