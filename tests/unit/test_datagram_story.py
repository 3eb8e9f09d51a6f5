"""What is told of a failed handshake over datagrams is what the link did and the ends say."""

from __future__ import annotations

from hil.link_profile import Account, Tally
from hil.report import Cell
from hil.tlsrig import datagram_story
from hil.tlsrig.encounter import Evidence
from hil.tlsrig.statement import Statement

ACCOUNT = Account(
    "lossy-30",
    4,
    None,
    Tally(sent=6, lost=5, reasons={"by chance": 4, "too long": 1}),
    Tally(sent=2, junk=9),
)


def evidence() -> Evidence:
    found = Evidence(weather=ACCOUNT, result={"heard_alert": 47, "retransmissions": 5})
    found.board = Statement("board", connected=False, reason="connection.timed_out")
    return found


def test_a_failure_is_told_by_what_was_lost() -> None:
    cell = Cell("unix", "openssl", "3.0", "dtls12-psk-ccm8@lossy-30.4", verdict="fail")
    told = datagram_story.of_cell(cell, evidence()) or ""
    assert "Of 6 datagrams of the board 5 were lost (4 by chance, 1 too long)." in told
    assert "Of 2 datagrams of openssl none was lost, and 9 of nobody's came" in told
    assert "illegal_parameter (47), for which nobody vouches" in told
    assert "board was not connected and ended because of: connection.timed_out." in told


def test_of_what_passed_nothing_is_told() -> None:
    cell = Cell("unix", "openssl", "3.0", "dtls12-psk-ccm8", verdict="pass")
    assert datagram_story.of_cell(cell, evidence()) is None
