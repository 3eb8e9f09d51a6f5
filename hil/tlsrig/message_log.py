"""What a list of handshake messages says of a connection, in the numbers of the wire.

Peers that write down every message as their library sent or saw it (OpenSSL's message log, the
records of an engine opened with its own keys) are read here, all in the same way. Where the
messages come from is the business of the peer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hil.tlsrig import names, wire


@dataclass
class Summary:
    """What the messages say, in the numbers of the wire.

    Attributes:
        finished_sent, finished_received: its Finished, the other end's.
        alerts: (sent by the peer, level, description) of each.
    """

    version: int | None = None
    suite: int | None = None
    group: int | None = None
    signature: int | None = None
    hello_retries: int = 0
    key_updates_sent: int = 0
    key_updates_received: int = 0
    finished_sent: bool = False
    finished_received: bool = False
    alerts: list[tuple[bool, int, int]] = field(default_factory=list)


def summarize(messages: Iterable[tuple[bool, str, bytes]]) -> Summary:
    """Read the negotiated facts and all alerts.

    Args:
        messages: (sent by the peer, `Handshake` or `Alert`, the message with its header).
    """
    summary = Summary()
    sender: bool | None = None  # whether it was this end that sent the ServerHello
    for sent, kind, data in messages:
        if kind == "Alert" and len(data) == 2:
            summary.alerts.append((sent, data[0], data[1]))
        elif kind == "Handshake" and data[:1] == bytes([wire.SERVER_HELLO]):
            hello = wire.server_hello(data)
            summary.version, summary.suite, summary.group = hello.version, hello.suite, hello.group
            summary.hello_retries += hello.is_retry
            sender = sent
        elif kind == "Handshake" and data[:1] == bytes([wire.CERTIFICATE_VERIFY]):
            # RFC 8446 §4.4.3: the scheme is the first field after the 4-byte message header.
            if sent == sender:  # the server's; a client's own comes the other way
                summary.signature = int.from_bytes(data[4:6], "big")
        elif kind == "Handshake" and data[:1] == bytes([wire.SERVER_KEY_EXCHANGE]):
            _server_key_exchange(summary, data)
        elif kind == "Handshake" and data[:1] == bytes([wire.KEY_UPDATE]):
            summary.key_updates_sent += sent
            summary.key_updates_received += not sent
        elif kind == "Handshake" and data[:1] == bytes([wire.FINISHED]):
            summary.finished_sent |= sent
            summary.finished_received |= not sent
    return summary


def _server_key_exchange(summary: Summary, data: bytes) -> None:
    """Read group and signature scheme out of TLS 1.2's ServerKeyExchange.

    RFC 8422 §5.4: behind the header curve type, group, and a point with its length; then the scheme
    of the signature (RFC 5246 §4.7). With external keys a hint comes first and no signature last
    (RFC 4279 §2, RFC 5489 §2).
    """
    suite = names.name_of(names.ALL_SUITES, summary.suite) or ""
    start = 4
    if "PSK_" in suite:
        start += 2 + int.from_bytes(data[4:6], "big")
    if "ECDHE_" not in suite:
        return
    summary.group = int.from_bytes(data[start + 1 : start + 3], "big")
    if "PSK_" not in suite:
        end = start + 4 + data[start + 3]
        summary.signature = int.from_bytes(data[end : end + 2], "big")
