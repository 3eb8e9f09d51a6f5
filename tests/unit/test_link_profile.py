"""What becomes of datagrams follows from profile, seed and direction alone."""

from __future__ import annotations

import re

import pytest

from hil.link_profile import PROFILES, Fate, LinkProfile, LinkProfileError, Weather, profile_of

DATAGRAM = bytes(100)


def carried(weather: Weather, count: int = 1000, step_ms: float = 50) -> list[list[float]]:
    """Return when the copies of each datagram arrive, counted from its sending."""
    return [
        [due - number * step_ms for due, _ in weather.carry(number * step_ms, DATAGRAM)]
        for number in range(count)
    ]


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_the_same_seed_has_the_same_fates(profile: LinkProfile) -> None:
    first, again = (carried(Weather(profile, 7, "out")) for _ in range(2))
    assert first == again
    if profile.loss or profile.burst or profile.delay_ms[0] != profile.delay_ms[1]:
        assert first != carried(Weather(profile, 8, "out"))
        assert first != carried(Weather(profile, 7, "in"))


@pytest.mark.parametrize(("name", "share"), [("lossy-10", 0.1), ("lossy-30", 0.3), ("clean", 0)])
def test_as_much_is_lost_as_the_profile_says(name: str, share: float) -> None:
    weather = Weather(profile_of(name), 1, "out")
    lost = carried(weather).count([])
    assert abs(lost / 1000 - share) < 0.05
    assert (weather.tally.sent, weather.tally.lost) == (1000, lost)
    assert weather.tally.reasons == ({"by chance": lost} if lost else {})


def test_datagrams_overtake_each_other_and_come_twice() -> None:
    weather = Weather(profile_of("reordered"), 1, "out")
    arrivals = [due for number in range(50) for due, _ in weather.carry(number, DATAGRAM)]
    assert len(arrivals) == 100
    assert arrivals != sorted(arrivals)
    assert weather.tally.doubled == 50


def test_a_slow_link_carries_one_after_the_other_and_loses_what_would_wait_too_long() -> None:
    profile = LinkProfile("slow", "", bits_per_s=8000, queue_ms=250)
    weather = Weather(profile, 0, "out")
    dues = [weather.carry(0, DATAGRAM) for _ in range(5)]
    assert [due for arriving in dues for due, _ in arriving] == [100, 200, 300]
    assert weather.tally.reasons == {"queue full": 2}
    assert weather.carry(1000, DATAGRAM)[0][0] == 1100


def test_losing_a_fragment_loses_all_of_a_datagram() -> None:
    profile = LinkProfile("fragments", "", loss=0.05, fragment_bytes=96)
    short, long = Weather(profile, 1, "out"), Weather(profile, 1, "out")
    lost = [
        sum(not weather.carry(0, bytes(size)) for _ in range(2000)) / 2000
        for weather, size in ((short, 96), (long, 960))
    ]
    assert abs(lost[0] - 0.05) < 0.02
    assert abs(lost[1] - (1 - 0.95**10)) < 0.05


def test_what_is_too_long_is_lost_whatever_the_weather() -> None:
    weather = Weather(profile_of("mtu-256"), 0, "out")
    weather.calm = True
    assert weather.carry(0, bytes(256))
    assert not weather.carry(0, bytes(257))
    assert weather.tally.reasons == {"too long": 1}


def test_nothing_passes_a_blackout() -> None:
    profile = LinkProfile("dark", "", blackouts_ms=((10, 20),))
    weather = Weather(profile, 0, "out")
    passed = [bool(weather.carry(now, DATAGRAM)) for now in (0, 9.9, 10, 19.9, 20)]
    assert passed == [True, True, False, False, True]


def test_bursts_lose_several_in_a_row() -> None:
    found = carried(Weather(LinkProfile("bursty", "", burst=(0.05, 5)), 1, "out"), 5000)
    runs = re.findall("x+", "".join("." if arrivals else "x" for arrivals in found))
    assert 3.5 < sum(map(len, runs)) / len(runs) < 6.5


def test_calm_weather_leaves_a_link_as_slow_as_it_is_and_loses_nothing() -> None:
    profile = LinkProfile("x", "", loss=0.9, doubled=0.9, delay_ms=(30, 300), bits_per_s=8000)
    weather = Weather(profile, 0, "out")
    weather.calm = True
    assert carried(weather, 100, 200) == [[130.0]] * 100


def test_junk_comes_at_its_rate_and_some_of_it_looks_like_records() -> None:
    weather = Weather(profile_of("flood"), 3, "out")
    junk = weather.junk_until(999)
    assert len(junk) == weather.tally.junk == 200
    forged = [data for data in junk if data.startswith(b"\x17\xfe\xfd")]
    assert 70 < len(forged) < 130
    assert all(int.from_bytes(data[11:13], "big") == len(data) - 13 for data in forged)
    assert weather.next_junk_ms == 1000
    assert Weather(profile_of("flood"), 3, "out").junk_until(999) == junk


def test_a_serial_line_carries_all_the_junk_that_is_made_for_one() -> None:
    weather = Weather(profile_of("flood-serial"), 3, "out")
    junk = weather.junk_until(9999)
    assert len(junk) == 2000
    # Each is in a frame of three bytes more; 115,200 baud are 11,520 bytes a second.
    assert sum(len(data) + 3 for data in junk) < 10 * 11_520


def test_a_fate_of_the_tests_in_memory_is_a_weather_without_time() -> None:
    fate = Fate("7 out", 0.3, 0.0, (20, 20))
    weather = Weather(profile_of("lossy-30"), 7, "out")
    for _ in range(200):
        assert fate(True, DATAGRAM) == weather.carry(0, DATAGRAM)


def test_an_unknown_profile_is_refused_with_what_comes_near() -> None:
    with pytest.raises(LinkProfileError, match="did you mean lossy-30"):
        profile_of("lossy-33")
