"""What one end of a connection says of it: the common form of boards' and peers' accounts.

Both ends of a cell are witnesses. Each account is made only from what that end itself says (its
result, its log), never filled in from the other end or from the scenario: the oracle compares
them, and a fact that leaked from one side to the other would make its comparison worthless.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Statement:
    """One end's account of one connection.

    Attributes:
        witness: who speaks, `board` or the peer's name.
        connected: the handshake completed, as this end sees it.
        version, suite, group, signature: registered names of what was negotiated, None where
            the connection did not come that far.
        exporter: the exported keying material, None when this end could not say it.
        exporter_method: how `exporter` was obtained.
        alert_sent, alert_received: code of the first alert other than close_notify.
        close_sent, close_received: close_notify went out, came in.
        closed_first: it said so first, and over datagrams hears no answer: RFC 5246 §7.2.1 does not
            have it wait for one.
        reason: this end's own words for why it gave up, None after an orderly close.
        hello_retries: HelloRetryRequests sent or seen, None when this end does not count them.
        alpn: the protocol that was chosen, None for none or when this end does not say.
        signatures_verified: certificate and CertificateVerify signatures this end checked.
        psk_used: an external pre-shared key was used, None when this end does not say.
        took_ticket: it was given a session ticket, None when this end does not say.
        resumed: the connection continues an earlier one by its ticket (RFC 8446 §2.2).
        key_updates_sent, key_updates_received: KeyUpdate messages that went out, came in.
    """

    witness: str
    connected: bool
    version: str | None = None
    suite: str | None = None
    group: str | None = None
    signature: str | None = None
    exporter: bytes | None = None
    exporter_method: str | None = None
    alert_sent: int | None = None
    alert_received: int | None = None
    close_sent: bool = False
    close_received: bool = False
    closed_first: bool = False
    reason: str | None = None
    hello_retries: int | None = None
    alpn: str | None = None
    signatures_verified: int | None = None
    psk_used: bool | None = None
    took_ticket: bool | None = None
    resumed: bool | None = None
    key_updates_sent: int | None = None
    key_updates_received: int | None = None

    def negotiated(self) -> dict[str, str | None]:
        """Return the four negotiated facts, as reports carry them."""
        return {
            "version": self.version,
            "suite": self.suite,
            "group": self.group,
            "signature": self.signature,
        }
