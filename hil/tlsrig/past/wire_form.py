"""Messages of TLS 1.2 and older as structure, and their bytes (RFC 5246 §6.2.1, §7.4).

A hello is written down by registered names, in the order in which the device sends them; `encode`
gives exactly its bytes. Nothing is chosen, checked or added here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hil.tlsrig import names, wire

_NAMED_CURVE = 3
_SERVER_HELLO_DONE = 14
_CERTIFICATE = 11
_CLIENT_KEY_EXCHANGE = 16
_HOST_NAME = 0


@dataclass(frozen=True)
class Hello:
    """A ClientHello or ServerHello (RFC 5246 §7.4.1).

    Attributes:
        version: registered name, of the message.
        random: 32 bytes.
        suites: registered names; a server's is one.
        session_id: empty, or up to 32 bytes.
        extensions: (registered name, contents) in order; None where even their length is missing.
    """

    version: str
    random: bytes
    suites: tuple[str, ...]
    session_id: bytes = b""
    extensions: tuple[tuple[str, bytes], ...] | None = None

    def as_client(self) -> bytes:
        """Return it as a handshake message of a client's."""
        suites = codes(names.ALL_SUITES, self.suites)
        body = self._head() + vector(suites, 2) + vector(b"\0", 1) + self._tail()
        return handshake(wire.CLIENT_HELLO, body)

    def as_server(self) -> bytes:
        """Return it as a handshake message of a server's."""
        suite = codes(names.ALL_SUITES, self.suites)
        return handshake(wire.SERVER_HELLO, self._head() + suite + b"\0" + self._tail())

    def _head(self) -> bytes:
        return codes(names.VERSIONS, (self.version,)) + self.random + vector(self.session_id, 1)

    def _tail(self) -> bytes:
        if self.extensions is None:
            return b""
        return vector(
            b"".join(
                codes(names.EXTENSIONS, (name,)) + vector(data, 2) for name, data in self.extensions
            ),
            2,
        )


def record(kind: int, version: str, content: bytes) -> bytes:
    """Return contents as one record in the clear."""
    return bytes([kind]) + codes(names.VERSIONS, (version,)) + vector(content, 2)


def handshake(kind: int, body: bytes) -> bytes:
    """Return a handshake message."""
    return bytes([kind]) + vector(body, 3)


def certificate(chain: Iterable[bytes]) -> bytes:
    """Return a Certificate message of these certificates (RFC 5246 §7.4.2)."""
    return handshake(_CERTIFICATE, vector(b"".join(vector(one, 3) for one in chain), 3))


def exchange_parameters(group: str, share: bytes) -> bytes:
    """Return what a server signs of its key exchange on a curve (RFC 8422 §5.4)."""
    return bytes([_NAMED_CURVE]) + codes(names.GROUPS, (group,)) + vector(share, 1)


def server_key_exchange(parameters: bytes, scheme: str, signature: bytes) -> bytes:
    """Return a ServerKeyExchange message with its signature (RFC 8422 §5.4)."""
    signed = codes(names.SIGNATURES, (scheme,)) + vector(signature, 2)
    return handshake(wire.SERVER_KEY_EXCHANGE, parameters + signed)


def server_hello_done() -> bytes:
    """Return a ServerHelloDone message."""
    return handshake(_SERVER_HELLO_DONE, b"")


def client_key_exchange(share: bytes) -> bytes:
    """Return a ClientKeyExchange message on a curve (RFC 8422 §5.7)."""
    return handshake(_CLIENT_KEY_EXCHANGE, vector(share, 1))


def server_name(host: str) -> tuple[str, bytes]:
    """Return the extension that asks for a server by its name (RFC 6066 §3)."""
    return "server_name", vector(bytes([_HOST_NAME]) + vector(host.encode("ascii"), 2), 2)


def groups(*registered: str) -> tuple[str, bytes]:
    """Return the extension supported_groups."""
    return "supported_groups", vector(codes(names.GROUPS, registered), 2)


def signature_schemes(*registered: str) -> tuple[str, bytes]:
    """Return the extension signature_algorithms."""
    return "signature_algorithms", vector(codes(names.SIGNATURES, registered), 2)


def vector(data: bytes, size: int) -> bytes:
    """Return bytes with their length in front, in `size` bytes."""
    return len(data).to_bytes(size, "big") + data


def codes(table: Mapping[int, str], registered: Sequence[str]) -> bytes:
    """Return the two-byte numbers of registered names."""
    return b"".join(names.code_of(table, name).to_bytes(2, "big") for name in registered)
