"""Mishaps happen to the one record they are about, once; link options name what they make."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hil.errors import HilError
from hil.link import BOARD_TO_PEER, PEER_TO_BOARD
from hil.tlsrig import link_options, mishaps, scenario

HELLO, VERIFY, SERVER_HELLO, DONE = 1, 3, 2, 14
DECLARED = scenario.load_all()


def record(content_type: int, body: bytes, epoch: int = 0) -> bytes:
    head = bytes([content_type]) + b"\xfe\xfd" + epoch.to_bytes(2, "big") + bytes(6)
    return head + len(body).to_bytes(2, "big") + body


def message(kind: int, body: bytes = bytes(40)) -> bytes:
    return record(22, bytes([kind]) + bytes(11) + body)


FINISHED = record(22, bytes(40), epoch=1)
CHANGE = record(20, b"\x01")


def test_only_the_record_it_is_about_is_lost_and_only_once() -> None:
    lost = mishaps.lost_server_hello_done()
    flight = message(SERVER_HELLO) + message(DONE)
    assert lost(PEER_TO_BOARD, message(HELLO)) is None
    assert not lost.applied
    assert lost(PEER_TO_BOARD, flight) == [(0, message(SERVER_HELLO))]
    assert lost.applied
    assert lost(PEER_TO_BOARD, flight) is None


def test_a_datagram_of_which_nothing_is_left_does_not_arrive() -> None:
    assert mishaps.lost_hello_verify_request()(PEER_TO_BOARD, message(VERIFY)) == []


def test_the_final_flight_is_the_one_of_the_end_that_is_named() -> None:
    lost = mishaps.lost_final_flight_of_peer()
    assert lost(BOARD_TO_PEER, CHANGE + FINISHED) is None
    assert lost(PEER_TO_BOARD, CHANGE + FINISHED) == []


def test_a_change_cipher_spec_comes_late() -> None:
    late = mishaps.change_cipher_spec_after_finished()
    (now, kept), (later, change) = late(BOARD_TO_PEER, CHANGE + FINISHED) or []
    assert (now, kept, change) == (0, FINISHED, CHANGE)
    assert later > 0


def test_two_client_hellos_differ_in_the_random_alone() -> None:
    first, second = mishaps.two_client_hellos()(PEER_TO_BOARD, message(HELLO)) or []
    assert second == (0, message(HELLO))
    differs = [i for i, (a, b) in enumerate(zip(first[1], second[1], strict=True)) if a != b]
    assert len(differs) == 1
    assert 13 + 12 + 2 <= differs[0] < 13 + 12 + 2 + 32


def test_clients_that_vanish_return_their_cookies_before_the_peer_is_heard() -> None:
    gone = mishaps.VanishingClients()
    hello = message(HELLO, b"\xfe\xfd" + bytes(32) + b"\x00\x00" + bytes(4))
    assert gone(PEER_TO_BOARD, hello) == []
    first = gone.strangers(None, hello)
    assert {frame.datagram for frame in first} == {hello}
    assert len({frame.address for frame in first}) == len(first) > 2
    assert gone.strangers(None, hello) == []
    asked = message(VERIFY, b"\xfe\xff\x03abc")
    answers = [gone.strangers(frame.address, asked) for frame in first]
    for frame, answer in zip(first, answers, strict=True):
        assert [one.address for one in answer] == [frame.address]
        body = b"\xfe\xfd" + bytes(32) + b"\x00\x03abc" + bytes(4)
        assert answer[0].datagram.endswith(body)
        assert len(list(mishaps.records(answer[0].datagram))) == 1
    assert gone(PEER_TO_BOARD, hello) is None
    assert gone.applied


def test_octets_that_are_no_records_are_left_alone() -> None:
    of_records = [make for make in mishaps.MISHAPS.values() if make is not mishaps.VanishingClients]
    for make in of_records:
        assert make()(PEER_TO_BOARD, bytes(range(100))) is None


def test_a_scenario_is_named_after_the_link_it_is_put_on() -> None:
    chosen = [DECLARED["dtls12-psk-ccm8"]]
    found = link_options.on_links(chosen, ["lossy-*"], 2)
    assert [one.name for one in found] == [
        f"dtls12-psk-ccm8@lossy-{loss}.{seed}" for loss in (10, 30, 50) for seed in (0, 1)
    ]
    assert {(one.link_profile, one.link_seed) for one in found[2:4]} == {
        ("lossy-30", 0),
        ("lossy-30", 1),
    }
    assert link_options.on_links(chosen, None, None) == chosen


def test_a_stream_can_be_on_any_network_but_one_of_junk() -> None:
    chosen = [DECLARED["dtls12-psk-ccm8"], DECLARED["tls13-psk"]]
    found = link_options.on_links(chosen, ["cellular", "flood"], None)
    assert [one.name for one in found] == [
        "dtls12-psk-ccm8@cellular.0",
        "dtls12-psk-ccm8@flood.0",
        "tls13-psk@cellular.0",
    ]
    assert "handshake_link_ms" in found[-1].measure
    assert not found[-1].over_datagrams


def test_payloads_are_cut_to_what_a_datagram_of_the_network_carries() -> None:
    long = DECLARED["dtls12-psk-ccm8-long"]
    assert max(long.echo_bytes) > 1000
    (cut,) = link_options.on_links([long], ["mtu-256"], None)
    assert cut.echo_bytes == (1, 191)
    with pytest.raises(HilError, match="its datagrams take payloads of 191 bytes"):
        replace(long, link_profile="mtu-256")
    small = replace(long.board, datagram_bytes=128)
    with pytest.raises(HilError, match="payloads of 91 bytes"):
        replace(long, board=small, echo_bytes=(127,))


@pytest.mark.parametrize(
    ("names", "profiles", "seeds", "problem"),
    [
        (["tls13-psk"], ["flood"], None, "this --link-profile is for scenarios of datagrams only"),
        (["tls13-psk"], None, 3, "--link-seeds without --link-profile"),
        (["dtls12-psk-ccm8"], ["losy-10"], None, "did you mean lossy-10"),
        (["dtls12-psk-ccm8"], None, 0, "from 1 on"),
    ],
)
def test_links_that_cannot_be_are_refused(
    names: list[str], profiles: list[str] | None, seeds: int | None, problem: str
) -> None:
    with pytest.raises(HilError, match=problem):
        link_options.on_links([DECLARED[name] for name in names], profiles, seeds)
