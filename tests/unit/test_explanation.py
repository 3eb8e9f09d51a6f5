"""Explanations: every reason and alert has its sentence, and the facts are those of the wire."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.link import BOARD_TO_PEER, PEER_TO_BOARD, Chunk
from hil.report import Cell
from hil.tlsrig import pki, scenario
from hil.tlsrig.dissect.exchange import Exchange
from hil.tlsrig.explain.reasons import ALERTS, REASONS, words_for
from hil.tlsrig.explain.story import Case, explain, of_cell
from hil.tlsrig.outcome import Connection
from hil.tlsrig.scenario import BoardSide, PeerSide, Refusal, Scenario, SharedKey
from hil.tlsrig.statement import Statement

NOW = scenario.SCENARIO_UTC_SECONDS
REFUSED = Scenario(
    "refused", "a server that is too old", Refusal("peer", "protocol_version", "x.y")
)
# RFC 8446 §6.2: the error alerts.
ERROR_ALERTS = (
    *("unexpected_message", "bad_record_mac", "record_overflow", "handshake_failure"),
    *("bad_certificate", "unsupported_certificate", "certificate_revoked"),
    *("certificate_expired", "certificate_unknown", "illegal_parameter", "unknown_ca"),
    *("access_denied", "decode_error", "decrypt_error", "protocol_version"),
    *("insufficient_security", "internal_error", "inappropriate_fallback"),
    *("missing_extension", "unsupported_extension", "unrecognized_name"),
    *("bad_certificate_status_response", "unknown_psk_identity", "certificate_required"),
    "no_application_protocol",
)
EXPECTED = sorted(
    {
        refusal.reason
        for one in scenario.load_all().values()
        for refusal in (one.expect, *one.expect_from.values())
        if isinstance(refusal, Refusal)
    }
)


def case_of(transcript: list[Chunk], key_log: str = "", **changes: object) -> Case:
    tried = changes.pop("scenario", REFUSED)
    assert isinstance(tried, Scenario)
    exchange = Exchange(transcript, key_log, board_is_client=tried.role == "client")
    board = Statement("board", connected=False, reason=None)
    case = Case(tried, "openssl", exchange, board, None, NOW, {}, "pass")
    return replace(case, **changes)  # type: ignore[arg-type]


def alert(direction: object, code: int) -> Chunk:
    return Chunk(direction, bytes([21, 3, 3, 0, 2, 2, code]), 9.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("reason", EXPECTED)
def test_every_reason_that_scenarios_expect_has_a_sentence_of_its_own(reason: str) -> None:
    subject, _, offence = reason.partition(".")
    if subject == "alert_received":
        assert offence in ALERTS
    else:
        assert reason in REASONS
    words = words_for(reason, None)
    assert words is not None
    assert words.meaning
    assert words.advice


def test_the_scenarios_have_reasons_to_expect() -> None:
    assert len(EXPECTED) > 15


@pytest.mark.parametrize("name", [*ERROR_ALERTS, "close_notify", "user_canceled"])
def test_every_alert_of_the_rfc_has_a_sentence(name: str) -> None:
    words = words_for(None, name)
    assert words is not None
    assert words == ALERTS[name]


def test_sentences_are_parts_of_sentences() -> None:
    for words in (*REASONS.values(), *ALERTS.values()):
        for text in words:
            assert not text.endswith(".")
            assert text.strip() == text


@pytest.mark.parametrize(
    ("reason", "alert_name", "expected"),
    [
        ("client_hello.trailing_data", "decode_error", "client hello: it goes on after its end"),
        ("new_session_ticket.lifetime", "illegal_parameter", "new session ticket (lifetime)"),
        ("something.never_seen", None, "refused something: never seen"),
        ("alert_received.unlisted", None, "broke off with unlisted"),
        ("nodots", None, "nodots"),
        (None, "unlisted", "broken off with unlisted"),
    ],
)
def test_an_unknown_reason_is_explained_by_its_parts(reason, alert_name, expected) -> None:
    words = words_for(reason, alert_name)
    assert words is not None
    assert expected in words.meaning
    assert words.advice


def test_two_versions_that_do_not_meet_are_named_with_what_to_change(traces) -> None:
    old = replace(REFUSED, peer=PeerSide(versions=("TLSv1.1",)))
    hello = traces["tls13-x509"].transcript[0]
    case = case_of([hello, alert(PEER_TO_BOARD, 70)], scenario=old)
    text = explain(case)
    assert (
        "openssl (server) hung up: it sent the alert protocol_version (70) after the board "
        "(client)'s client_hello. This is right" in text
    )
    assert "openssl (server) accepts only TLSv1.1; the board (client) offered TLSv1.3" in text
    assert "no TLS version in common. Let openssl (server) accept TLSv1.3." in text
    assert "ALPN none; server name none" in text


def test_an_esp8266_of_old_is_told_what_its_server_does_not_take(traces) -> None:
    hello = traces["axtls149_esp8266_tls11"].transcript[0]
    modern = replace(REFUSED, peer=PeerSide(versions=("TLSv1.2", "TLSv1.3")))
    text = explain(case_of([hello, alert(PEER_TO_BOARD, 70)], scenario=modern))
    assert "accepts only TLSv1.2, TLSv1.3" in text
    assert "offered TLSv1.0, TLSv1.1 with the suites TLS_RSA_WITH_AES_128_CBC_SHA" in text
    assert "TLS_RSA_WITH_RC4_128_MD5: no TLS version in common" in text
    assert "Use a client that offers TLSv1.2, TLSv1.3; older versions are withdrawn." in text


def test_suites_that_do_not_meet_are_named_of_a_board_that_is_the_server(traces) -> None:
    tried = replace(
        REFUSED,
        board=BoardSide(role="server", suites=("TLS_AES_256_GCM_SHA384",), certificates="valid"),
    )
    hello = traces["tls13-psk"].transcript[0]
    swapped = Chunk(PEER_TO_BOARD, hello.data, hello.at_s)
    text = explain(case_of([swapped, alert(BOARD_TO_PEER, 40)], scenario=tried))
    assert "the board (server) hung up" in text.lower()
    assert "offered TLS_AES_128_GCM_SHA256: no cipher suite in common" in text


def test_a_key_for_another_hash_than_the_suites_is_told(traces) -> None:
    tried = replace(REFUSED, psk=SharedKey(), peer=PeerSide(suites=("TLS_AES_256_GCM_SHA384",)))
    hello = traces["simple_1rtt"].transcript[0]
    text = explain(case_of([hello, alert(PEER_TO_BOARD, 40)], scenario=tried))
    assert "the pre-shared key is for SHA256, but openssl (server) accepts only" in text


def test_a_vague_alert_gets_every_fact_of_the_chain(tmp_path: Path) -> None:
    made = pki.make_chain(NOW).write(tmp_path)
    board = Statement("board", connected=False, alert_received=42)
    files = {"board_chain": made.chain, "board_root": made.root}
    text = explain(case_of([], board=board, files=files))
    for expected in ("The chain: “localhost” was", "names are localhost.", "openssl's clock says"):
        assert expected in text


@pytest.mark.parametrize(
    ("variant", "reason", "expected"),
    [
        ("wrong-name", "certificate.name_mismatch", "names are elsewhere.invalid; the board asked"),
        ("expired", "certificate.expired", "to 2026-01-15 11:00:00 UTC"),
        ("expired", "certificate.expired", "the board's clock says 2026-01-15 12:00:00 UTC"),
        ("not-yet-valid", "certificate.not_yet_valid", "valid from 2026-01-15 13:00:00 UTC"),
        ("untrusted-ca", "certificate.unknown_ca", "the board's trust store has “another root”"),
        ("namesake-ca", "certificate.unknown_ca", "the right name but another key"),
        ("client", "certificate.extended_key_usage", "The certificate is for clients."),
    ],
)
def test_what_a_refused_certificate_says_is_told(
    traces, tmp_path: Path, variant: str, reason: str, expected: str
) -> None:
    made = pki.make_chain(NOW, pki.plan_of(variant)).write(tmp_path)
    board = Statement("board", connected=False, reason=reason, alert_sent=42)
    files = {"peer_chain": made.chain, "peer_root": made.root}
    text = explain(case_of(traces["tls13-x509"].transcript[:1], board=board, files=files))
    assert expected in text
    assert f"({reason})" in text


def test_an_alert_that_cannot_be_read_is_taken_from_the_ends(traces) -> None:
    board = Statement("board", connected=False, reason="alert_received.unknown_ca")
    board = replace(board, alert_received=48)
    text = explain(case_of(traces["tls13-x509"].transcript[:2], board=board))
    assert "openssl (server) hung up: it sent the alert unknown_ca (48)" in text


@pytest.mark.parametrize(
    ("count", "turn"),
    [
        (0, "the board (client): awaited was its ClientHello"),
        (1, "openssl (server): awaited was its ServerHello"),
        (2, "the board (client): awaited was its Finished"),
        (4, "awaited was data or close_notify"),
    ],
)
def test_a_hang_tells_how_far_each_end_came(traces, count: int, turn: str) -> None:
    transcript, key_log, _ = traces["tls13-x509"]
    case = case_of(transcript[:count], key_log, board=None, verdict="hang", reason="no answer")
    text = explain(case)
    assert "What ended it: no answer." in text
    assert turn in text
    assert text.count("The last from") == 2


def test_a_board_that_gave_up_waiting_is_not_taken_for_a_refusal(traces) -> None:
    board = Statement("board", connected=False, reason="link.silent")
    peer = Statement("openssl", connected=False, alert_sent=50)  # what it made of the end
    hello = traces["tls13-x509"].transcript[:1]
    text = explain(case_of(hello, board=board, peer=peer, verdict="fail"))
    assert "The board (client) gave up." in text
    assert "decode_error" not in text
    assert "awaited was its ServerHello" in text
    assert "and nothing came any more" in text


def test_a_message_that_stopped_halfway_is_what_was_awaited(traces) -> None:
    transcript, key_log, _ = traces["tls13-mutual"]
    hello = transcript[0]._replace(data=b"\x16\x03\x01\x00\x64" + transcript[0].data[5:105])
    case = case_of([hello], key_log, board=None, verdict="hang")
    assert "the rest of client_hello, of which 100 of 306 bytes came" in explain(case)


def test_a_tampered_link_is_named_and_needs_no_change(traces) -> None:
    tampered = replace(REFUSED, tamper="flip-finished-bit")
    board = Statement("board", connected=False, reason="finished.bad_verify_data", alert_sent=51)
    text = explain(case_of(traces["tls13-x509"].transcript[:2], scenario=tampered, board=board))
    assert "On purpose the link changed the bytes" in text
    assert "What to change: nothing" in text


@pytest.mark.parametrize(
    ("verdict", "name", "explained"),
    [
        ("pass", "tls13-x509-p256", False),
        ("skip", "tls13-x509-p256", False),
        ("fail", "tls13-x509-p256", True),
        ("hang", "tls13-x509-p256", True),
        ("error", "tls13-x509-p256", True),
        ("pass", "tls13-expired", True),
    ],
)
def test_cells_that_went_well_or_never_ran_need_no_explanation(
    verdict: str, name: str, explained: bool
) -> None:
    cell = Cell("unix", "openssl", "3", name, verdict=verdict, reason="a reason")
    tried = scenario.load_all()[name]
    text = of_cell(cell, Connection(tried, {"utc_seconds": NOW}), "", {})
    assert (text is not None) == explained


def test_a_first_connection_that_fails_is_said_to_be_the_first() -> None:
    first = scenario.load_all()["tls13-resumption"].connections[0]
    cell = Cell("unix", "openssl", "3", first.name, verdict="fail", reason="a reason")
    text = of_cell(cell, Connection(first, {}), "", {})
    assert text is not None
    assert text.startswith("This is the first of two connections.")


def test_a_server_that_hangs_up_without_a_word_is_compared_with_the_offer(traces) -> None:
    board = Statement("board", connected=False, reason="link.ended")
    modern = replace(REFUSED, peer=PeerSide(versions=("TLSv1.2", "TLSv1.3")))
    hello = traces["axtls149_esp8266_tls11"].transcript[:1]
    text = explain(case_of(hello, board=board, scenario=modern, verdict="fail"))
    assert "openssl (server) hung up without an alert." in text
    assert "closed the connection and did not say why (link.ended)" in text
    assert "no TLS version in common. Use a client that offers TLSv1.2, TLSv1.3" in text


# --- TLS 1.2 and older

BOTH = ("TLSv1.3", "TLSv1.2")
PSK_SUITE = "TLS_PSK_WITH_AES_128_CCM_8"


def swapped(chunks: list[Chunk]) -> list[Chunk]:
    """Return the same with the board at the other end."""
    other = {BOARD_TO_PEER: PEER_TO_BOARD, PEER_TO_BOARD: BOARD_TO_PEER}
    return [Chunk(other[one.direction], one.data, one.at_s) for one in chunks]  # type: ignore[index,arg-type]


def test_what_an_old_client_would_need_is_told(traces) -> None:
    tried = scenario.load_all()["past-esp8266-client"]
    hello = swapped(traces["axtls149_esp8266_tls11"].transcript[:1])
    board = Statement("board", False, reason="client_hello.version_not_supported", alert_sent=70)
    text = explain(case_of([*hello, alert(BOARD_TO_PEER, 70)], scenario=tried, board=board))
    for expected in (
        "after esp8266-sdk-1.3.0 (client)'s client_hello",
        "The client's offer: versions up to TLSv1.1;",
        "What the board (server) was set to accept: versions TLSv1.3, TLSv1.2;",
        "it speaks TLSv1.1 at most, which is withdrawn (RFC 8996)",
        "Of its 4 cipher suites not one can be accepted in any version: 4 with a key exchange "
        "without forward secrecy (static RSA or ECDH), 2 with RC4 (forbidden by RFC 7465) and 2 "
        "with CBC",
        "It does not say the server's name (SNI), groups, signature schemes",
        "What esp8266-sdk-1.3.0 (client) would need: a TLS stack with TLS 1.2 or 1.3",
        "Nothing on the board is to be changed",
        "Use a client that offers TLSv1.3, TLSv1.2; older versions are withdrawn.",
    ):
        assert expected in text


def test_what_an_old_server_would_need_is_told(traces) -> None:
    tried = scenario.load_all()["past-axtls-server"]
    board = Statement("board", False, reason="server_hello.version_not_supported", alert_sent=70)
    transcript = [*traces["axtls149_esp8266_tls11"].transcript[:2], alert(BOARD_TO_PEER, 70)]
    text = explain(case_of(transcript, scenario=tried, board=board))
    for expected in (
        "it chose TLSv1.1, which is withdrawn (RFC 8996)",
        "The suite it chose, TLS_RSA_WITH_AES_128_CBC_SHA, has a key exchange without forward",
        "its RSA key has 1,024 bits (2,048 are the least today)",
        "it is signed with SHA-1, which can be forged",
        "What axtls-1.4.9 (server) would need",
    ):
        assert expected in text


def test_nobody_is_too_old_who_speaks_tls12(traces) -> None:
    tried = scenario.load_all()["past-bearssl-2018-client-refused"]
    hello = swapped(traces["bearssl_2018-03"].transcript[:1])
    reason = "client_hello.no_extended_master_secret"
    board = Statement("board", False, reason=reason, alert_sent=40)
    text = explain(case_of([*hello, alert(BOARD_TO_PEER, 40)], scenario=tried, board=board))
    assert "would need" not in text
    assert "in common" not in text
    assert "What to change: update the client (BearSSL has none to this day)" in text


@pytest.mark.parametrize("reason", ["record.bad_record_mac", "alert_received.decrypt_error"])
def test_a_wrong_psk_of_tls12_is_told_from_a_changed_record(traces, reason: str) -> None:
    key = SharedKey(mode="psk_ke", wrong="key")
    peer = PeerSide(versions=("TLSv1.2",), certificates=None, suites=(PSK_SUITE,))
    tried = replace(REFUSED, psk=key, peer=peer)
    transcript, key_log, _ = traces["tls12-psk-ccm8"]
    board = Statement("board", False, reason=reason, alert_sent=51)
    text = explain(case_of(transcript[:3], key_log, scenario=tried, board=board))
    assert "the two ends do not have the same pre-shared key" in text
    assert "compare identity and key of both ends" in text
    # Once both Finished are through it is no longer about the key.
    text = explain(case_of(transcript, key_log, scenario=tried, board=board))
    assert "the same pre-shared key" not in text


def test_a_psk_of_tls12_is_for_every_suite(traces) -> None:
    peer = PeerSide(versions=("TLSv1.2",), certificates=None, suites=(PSK_SUITE,))
    tried = replace(REFUSED, psk=SharedKey(), peer=peer)
    transcript, key_log, _ = traces["tls12-psk-ccm8"]
    text = explain(case_of([transcript[0], alert(PEER_TO_BOARD, 40)], key_log, scenario=tried))
    assert "the pre-shared key is for" not in text


def test_a_missing_client_certificate_of_tls12_is_told() -> None:
    # A ServerHello of TLS 1.2, and a Certificate with an empty list.
    hello = b"\x02\0\0\x26\x03\x03" + bytes(32) + b"\0\xc0\x2b\0"
    empty = b"\x0b\0\0\x03\0\0\0"
    chunks = [
        Chunk(PEER_TO_BOARD, b"\x16\x03\x03" + len(hello).to_bytes(2, "big") + hello, 0.0),
        Chunk(BOARD_TO_PEER, b"\x16\x03\x03\0\x07" + empty, 0.1),
        alert(PEER_TO_BOARD, 40),
    ]
    text = explain(case_of(chunks))
    assert "the server demands a certificate, and the client has shown none" in text
    assert "What to change: give the client a certificate" in text
    text = explain(case_of([chunks[0], chunks[2]]))
    assert "shown none" not in text


def test_suites_of_tls12_that_do_not_meet_are_named(traces) -> None:
    tried = replace(
        REFUSED,
        board=BoardSide(
            role="server",
            versions=BOTH,
            suites=("TLS_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
            certificates="valid",
        ),
    )
    hello = swapped(traces["tls12-ccm8"].transcript[:1])
    board = Statement("board", False, reason="client_hello.no_common_suite", alert_sent=40)
    text = explain(case_of([*hello, alert(BOARD_TO_PEER, 40)], scenario=tried, board=board))
    assert "(client) offered TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, " in text
    assert "no cipher suite in common" in text


def test_a_downgrade_is_told_as_what_it_is() -> None:
    words = words_for("server_hello.downgrade", "illegal_parameter")
    assert words is not None
    assert "it knows TLS 1.3" in words.meaning
    assert "something in between" in words.advice


@pytest.mark.parametrize(
    ("name", "count", "turn"),
    [
        ("tls12-gcm", 1, "openssl (server): awaited was its ServerHello"),
        ("tls12-gcm", 2, "the board (client): awaited was its ClientKeyExchange"),
        ("tls12-gcm", 3, "openssl (server): awaited was its Finished"),
        ("tls12-gcm", 4, "awaited was data or close_notify"),
    ],
)
def test_a_hang_of_tls12_tells_whose_turn_it_was(traces, name: str, count: int, turn: str) -> None:
    transcript, key_log, _ = traces[name]
    case = case_of(transcript[:count], key_log, board=None, verdict="hang", reason="no answer")
    assert turn in explain(case)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    name=st.sampled_from(
        [
            *("tls13-x509", "tls13-psk", "axtls149_esp8266_tls11", "bearssl_2018-03"),
            *("tls12-gcm", "tls12-psk-ccm8"),
        ]
    ),
    cut=st.integers(0, 5000),
    flips=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=3),
    reason=st.sampled_from([None, "certificate.expired", "record.bad_record_mac", "odd.one", "a"]),
    code=st.sampled_from([None, 10, 42, 48, 109, 255]),
    verdict=st.sampled_from(["pass", "fail", "hang", "error"]),
    silent=st.booleans(),
)
def test_whatever_happened_there_is_something_to_say(
    traces, name, cut, flips, reason, code, verdict, silent
) -> None:
    transcript = []
    for chunk in traces[name].transcript:
        data = bytearray(chunk.data[:cut])
        for position, value in flips if data else ():
            data[position % len(data)] = value
        transcript.append(chunk._replace(data=bytes(data)))
    board = None if silent else Statement("board", False, reason=reason, alert_sent=code)
    case = case_of(transcript, traces[name].key_log, board=board, verdict=verdict, reason="why")
    lines = explain(case).splitlines()
    assert all(line.strip() for line in lines)
    assert not any(re.search(r"\bNone\b", line) for line in lines)
