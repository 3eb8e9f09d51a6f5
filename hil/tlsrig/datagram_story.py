"""Why a handshake over datagrams came to nothing, in words: what the link did, and each end says.

Over datagrams most failures are silence, so what is told first is what was lost. What this file
does not do: judge (`hil.tlsrig.oracle`), or read what is in the datagrams.
"""

from __future__ import annotations

from hil.link_profile import Tally
from hil.report import Cell
from hil.tlsrig.encounter import Evidence
from hil.tlsrig.names import alert_text
from hil.tlsrig.statement import Statement


def of_cell(cell: Cell, evidence: Evidence) -> str | None:
    """Explain a cell that did not pass; None where there is nothing to explain."""
    account = evidence.weather
    if cell.verdict not in ("fail", "hang", "error") or account is None:
        return None
    lines = [f"The network was {account.profile} with seed {account.seed}."]
    lines.append(_direction("the board", account.to_peer))
    lines.append(_direction(cell.peer or "the peer", account.to_board))
    heard = evidence.result.get("heard_alert")
    if heard is not None:
        lines.append(
            f"In the clear the board has heard {alert_text(heard)}, for which nobody vouches: it "
            "went on, as it must."
        )
    sent_again = evidence.result.get("retransmissions")
    if sent_again is not None:
        lines.append(f"The board sent its flights again {sent_again} times.")
    lines += [_end(end) for end in (evidence.board, evidence.peer) if end is not None]
    if account.handshake_ms is not None:
        lines.append(f"Both ends were connected after {account.handshake_ms:,.0f} ms.")
    return "\n".join(lines)


def _direction(sender: str, tally: Tally) -> str:
    why = ", ".join(f"{count} {reason}" for reason, count in tally.reasons.items())
    lost = f"{tally.lost} were lost ({why})" if tally.lost else "none was lost"
    junk = f", and {tally.junk} of nobody's came beside them" if tally.junk else ""
    return f"Of {tally.sent} datagrams of {sender} {lost}{junk}."


def _end(end: Statement) -> str:
    stands = "was connected" if end.connected else "was not connected"
    return f"By its own account {end.witness} {stands}" + (
        f" and ended because of: {end.reason}." if end.reason else "."
    )
