"""What the link shows of a connection of which the board's stack tells little.

The facts (alerts, group, signature scheme, retries) are read from the bytes that went over the
link, as board and peer said them: what was sealed is opened with the secrets of the peer's key log.
That both ends have the same secrets is shown by the board's Finished, recomputed from that log and
the messages on the link (RFC 8446 §4.4.4, RFC 5246 §7.4.9). What stays sealed, because the peer
logs no keys, is not guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hil.link import Chunk
from hil.tlsrig import message_log, wire
from hil.tlsrig.dissect.exchange import Exchange, Record
from hil.tlsrig.dissect.proofs import proofs
from hil.tlsrig.message_log import Summary

_FINISHED = "finished"
_KINDS = {wire.HANDSHAKE: "Handshake", wire.ALERT: "Alert"}
_RECOMPUTED = "the board's Finished, recomputed with the peer's key log"
_NO_KEYS = "the peer logs no keys: both ends took the other's Finished, and the echoes came back"


@dataclass(frozen=True)
class Account:
    """What the link shows.

    Attributes:
        facts: of the messages that could be read; `sent` means by the board.
        same_secrets: the board's Finished is what it must be with the peer's secrets; None where
            that cannot be computed.
        how: what was done to know, or why it was not.
        board_sealed, peer_sealed: some record of theirs could not be opened.
    """

    facts: Summary
    same_secrets: bool | None
    how: str
    board_sealed: bool
    peer_sealed: bool

    def alert(self, *, sent: bool) -> int | None:
        """Return the first alert other than close_notify that the board sent, or that it got."""
        codes = (code for by_board, _, code in self.facts.alerts if by_board == sent)
        return next((code for code in codes if code), None)


def account(transcript: Sequence[Chunk], key_log: str, *, board_is_client: bool) -> Account:
    """Read a connection off the link.

    Args:
        transcript: what the link delivered.
        key_log: the peer's, empty when it keeps none.
        board_is_client: the board's role.
    """
    exchange = Exchange(transcript, key_log, board_is_client=board_is_client)
    finished = [
        proof.right
        for index, made in proofs(exchange).items()
        for proof in made
        if exchange.messages[index].name == _FINISHED
        and exchange.messages[index].from_client == board_is_client
    ]
    right = finished[0] if finished else None
    sealed = {record.from_board for record in exchange.records if _stayed_sealed(record)}
    return Account(
        message_log.summarize(_messages(exchange)),
        right,
        _NO_KEYS if right is None else _RECOMPUTED,
        board_sealed=True in sealed,
        peer_sealed=False in sealed,
    )


def _stayed_sealed(record: Record) -> bool:
    return record.is_sealed and record.inner is None


def _messages(exchange: Exchange) -> Iterator[tuple[bool, str, bytes]]:
    """Yield (sent by the board, kind, message) of what could be read, in order."""
    for message in exchange.messages:
        if message.whole and message.content_type in _KINDS:
            by_board = message.from_client == exchange.board_is_client
            yield by_board, _KINDS[message.content_type], message.data
