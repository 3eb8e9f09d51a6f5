"""The oracle: two statements that agree pass; every single disagreement is found and named."""

from __future__ import annotations

import dataclasses

import pytest

from hil.tlsrig.oracle import Echo, Ruling, judge
from hil.tlsrig.scenario import AGREED, Refusal, Scenario, Success
from hil.tlsrig.statement import Statement

FACTS = ("TLSv1.3", "TLS_AES_128_GCM_SHA256", "x25519", "ecdsa_secp256r1_sha256")
HANDSHAKE = Scenario("good", "", Success(FACTS, signatures_verified=3), echo_bytes=(1, 64))
REFUSED = Scenario(
    "bad",
    "",
    Refusal("board", "bad_record_mac", "record.bad_mac"),
    tamper="flip-ciphertext-bit",
)
TURNED_AWAY = Scenario("old", "", Refusal("peer", "protocol_version", "alert.protocol_version"))


def end(witness: str, **changes: object) -> Statement:
    orderly = Statement(
        witness,
        connected=True,
        version=FACTS[0],
        suite=FACTS[1],
        group=FACTS[2],
        signature=FACTS[3],
        exporter=bytes(32),
        exporter_method="said so",
        close_sent=True,
        close_received=True,
        signatures_verified=3 if witness == "board" else None,
        hello_retries=0,
        psk_used=False if witness == "board" else None,
        resumed=False,
        key_updates_sent=0,
        key_updates_received=0,
    )
    return dataclasses.replace(orderly, **changes)  # type: ignore[arg-type]


ECHOES = (Echo(1, True, True), Echo(64, True, True))


def failed(ruling: Ruling) -> list[str]:
    return [check.name for check in ruling.checks if not check.passed]


def test_two_ends_that_agree_in_everything_pass() -> None:
    ruling = judge(HANDSHAKE, end("board"), end("peer"), echoes=ECHOES)
    assert failed(ruling) == []
    assert ruling.passed
    assert ruling.reason is None


@pytest.mark.parametrize(
    ("whose", "changes", "check"),
    [
        ("board", {"connected": False}, "board connected"),
        ("peer", {"connected": False}, "peer connected"),
        ("board", {"version": "TLSv1.2"}, "board version"),
        ("peer", {"version": None}, "peer version"),
        ("board", {"suite": "TLS_CHACHA20_POLY1305_SHA256"}, "board suite"),
        ("peer", {"suite": "TLS_CHACHA20_POLY1305_SHA256"}, "peer suite"),
        ("peer", {"group": "secp256r1"}, "peer group"),
        ("board", {"signature": "ed25519"}, "board signature"),
        ("board", {"signatures_verified": 2}, "board signatures_verified"),
        ("peer", {"hello_retries": 1}, "peer hello_retries"),
        ("board", {"psk_used": True}, "board psk_used"),
        ("board", {"resumed": True}, "board resumed"),
        ("peer", {"resumed": True}, "peer resumed"),
        ("peer", {"resumed": None}, "peer resumed"),
        ("board", {"key_updates_sent": 1}, "board key_updates from board"),
        ("peer", {"key_updates_received": None}, "peer key_updates from board"),
        ("peer", {"key_updates_sent": 1}, "peer key_updates to board"),
        ("board", {"alert_sent": 51}, "board sent no alert"),
        ("peer", {"alert_received": 51}, "peer received no alert"),
        ("board", {"close_sent": False}, "board sent close_notify"),
        ("peer", {"close_sent": False}, "peer sent close_notify"),
        ("board", {"close_received": False}, "board received close_notify"),
    ],
)
def test_one_wrong_fact_of_one_end_is_found(
    whose: str, changes: dict[str, object], check: str
) -> None:
    ends = {"board": end("board"), "peer": end("peer")}
    ends[whose] = end(whose, **changes)
    ruling = judge(HANDSHAKE, ends["board"], ends["peer"], echoes=ECHOES)
    assert failed(ruling) == [check]
    assert ruling.reason is not None
    assert check in ruling.reason


def test_a_client_must_have_got_a_ticket_of_a_connection_that_is_made_for_it() -> None:
    first = dataclasses.replace(HANDSHAKE, is_first=True)
    assert judge(first, end("board", took_ticket=True), end("peer"), echoes=ECHOES).passed
    ruling = judge(first, end("board", took_ticket=False), end("peer"), echoes=ECHOES)
    assert failed(ruling) == ["board took_ticket"]


def test_only_a_peer_that_is_known_for_it_may_go_without_our_close_notify() -> None:
    hasty = dataclasses.replace(
        HANDSHAKE, expect=Success(FACTS, signatures_verified=3, answered=False)
    )
    peer = end("peer", close_received=False)
    assert judge(hasty, end("board"), peer, echoes=ECHOES).passed
    assert failed(judge(HANDSHAKE, end("board"), peer, echoes=ECHOES)) == [
        "peer received close_notify"
    ]


def test_different_exporters_are_found() -> None:
    ruling = judge(HANDSHAKE, end("board"), end("peer", exporter=b"\1" * 32), echoes=ECHOES)
    assert failed(ruling) == ["exporters equal"]


def test_an_exporter_nobody_could_state_is_no_agreement() -> None:
    ruling = judge(
        HANDSHAKE, end("board", exporter=None), end("peer", exporter=None), echoes=ECHOES
    )
    assert failed(ruling) == ["board exporter", "peer exporter", "exporters equal"]


def test_an_exporter_of_the_wrong_length_is_found() -> None:
    short = {"exporter": bytes(16)}
    ruling = judge(HANDSHAKE, end("board", **short), end("peer", **short), echoes=ECHOES)
    assert failed(ruling) == ["board exporter", "peer exporter"]


def test_payloads_changed_on_either_way_are_found() -> None:
    echoes = (Echo(1, False, True), Echo(64, True, False))
    ruling = judge(HANDSHAKE, end("board"), end("peer"), echoes=echoes)
    assert failed(ruling) == ["echo 1 to peer", "echo 64 to board"]


def test_an_echo_left_out_is_found() -> None:
    ruling = judge(HANDSHAKE, end("board"), end("peer"), echoes=ECHOES[:1])
    assert failed(ruling) == ["echo sizes"]


REFUSING = Statement("board", connected=False, alert_sent=20, reason="record.bad_mac")
TOLD = Statement("peer", connected=False, alert_received=20)


def test_the_expected_refusal_passes() -> None:
    assert judge(REFUSED, REFUSING, TOLD, tampered=True).passed


def test_a_refusal_by_the_peer_passes_when_the_board_saw_its_alert() -> None:
    board = Statement("board", False, alert_received=70, reason="alert.protocol_version")
    peer = Statement("peer", False, alert_sent=70)
    assert judge(TURNED_AWAY, board, peer).passed


@pytest.mark.parametrize(
    ("board", "peer", "tampered", "check"),
    [
        ({"alert_sent": 51}, {}, True, "board sent alert"),
        ({"alert_sent": None}, {}, True, "board sent alert"),
        ({}, {"alert_received": None}, True, "peer received alert"),
        ({}, {"alert_sent": 10}, True, "peer sent alert"),
        ({"reason": "record.overflow"}, {}, True, "board reason"),
        ({"connected": True}, {}, True, "board not connected"),
        ({}, {"connected": True}, True, "peer not connected"),
        ({}, {}, False, "link did flip-ciphertext-bit"),
    ],
)
def test_a_refusal_in_any_other_way_is_found(
    board: dict[str, object], peer: dict[str, object], tampered: bool, check: str
) -> None:
    ruling = judge(
        REFUSED,
        dataclasses.replace(REFUSING, **board),  # type: ignore[arg-type]
        dataclasses.replace(TOLD, **peer),  # type: ignore[arg-type]
        tampered=tampered,
    )
    assert failed(ruling) == [check]


def test_a_success_where_a_refusal_was_due_fails_and_says_so() -> None:
    ruling = judge(REFUSED, end("board"), end("peer"), tampered=True)
    assert not ruling.passed
    assert ruling.reason is not None
    assert ruling.reason.startswith(
        "board sent alert: found no alert, expected bad_record_mac (20)"
    )


def test_the_reason_shows_the_first_mismatches_and_counts_the_rest() -> None:
    nothing = Statement("peer", connected=False)
    ruling = judge(HANDSHAKE, end("board"), nothing, echoes=ECHOES)
    assert ruling.reason is not None
    assert ruling.reason.endswith(f"and {len(failed(ruling)) - 4} more")


def test_what_is_expected_can_be_the_peers_own() -> None:
    tried = dataclasses.replace(
        TURNED_AWAY,
        expect_from={"other": Refusal("peer", "handshake_failure", "alert.handshake_failure")},
    )
    board = Statement("board", connected=False, alert_received=40, reason="alert.handshake_failure")
    assert judge(tried, board, Statement("other", connected=False, alert_sent=40)).passed
    assert not judge(tried, board, Statement("peer", connected=False, alert_sent=40)).passed


def test_a_late_refusal_may_find_the_other_end_connected_but_not_the_refusing_one() -> None:
    late = dataclasses.replace(
        TURNED_AWAY, expect=Refusal("peer", "certificate_required", "alert.required", late=True)
    )
    refused = Statement("board", connected=True, alert_received=116, reason="alert.required")
    refusing = Statement("peer", connected=False, alert_sent=116)
    assert judge(late, refused, refusing).passed
    connected = dataclasses.replace(refusing, connected=True)
    assert failed(judge(late, refused, connected)) == ["peer not connected"]
    early = dataclasses.replace(
        TURNED_AWAY, expect=Refusal("peer", "certificate_required", "alert.required")
    )
    assert failed(judge(early, refused, refusing)) == ["board not connected"]


def test_what_the_ends_only_have_to_agree_on_may_be_anything_but_not_two_things_or_none() -> None:
    free = Success((FACTS[0], FACTS[1], AGREED, AGREED), signatures_verified=3)
    tried = dataclasses.replace(HANDSHAKE, expect=free)
    other = {"group": "secp384r1", "signature": "ed25519"}
    assert judge(tried, end("board", **other), end("peer", **other), echoes=ECHOES).passed
    ruling = judge(tried, end("board"), end("peer", group="secp384r1"), echoes=ECHOES)
    assert failed(ruling) == ["peer group"]
    ruling = judge(tried, end("board", group=None), end("peer", group=None), echoes=ECHOES)
    assert failed(ruling) == ["board group", "peer group"]


def test_a_refusal_of_data_wants_both_ends_connected() -> None:
    expect = Refusal("board", "record_overflow", "record.exceeds_buffer", connected=True)
    tried = Scenario("large", "", expect)
    board = end("board", alert_sent=22, reason="record.exceeds_buffer")
    peer = end("peer", alert_received=22)
    assert judge(tried, board, peer).passed
    early = dataclasses.replace(board, connected=False)
    assert failed(judge(tried, early, peer)) == ["board connected"]
