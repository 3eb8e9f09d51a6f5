"""Key logs in the NSS format, and what follows from a logged secret (RFC 8446 §7).

A peer writes one line per secret, `LABEL CLIENT_RANDOM SECRET` in hexadecimal (the format of
SSLKEYLOGFILE, draft-ietf-tls-keylogfile). From a secret the rig derives record keys, to open and
re-seal records, and exporter values, for peers that print none. The derivations use the
`cryptography` package and `hmac`, never `tlscore`: they judge it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

from hil.errors import PeerError

SERVER_HANDSHAKE = "SERVER_HANDSHAKE_TRAFFIC_SECRET"
CLIENT_HANDSHAKE = "CLIENT_HANDSHAKE_TRAFFIC_SECRET"
EXPORTER = "EXPORTER_SECRET"
CLIENT_TRAFFIC = "CLIENT_TRAFFIC_SECRET_0"
SERVER_TRAFFIC = "SERVER_TRAFFIC_SECRET_0"
# What labels begin with, in TLS 1.3 and DTLS 1.3.
TLS_LABELS, DTLS_LABELS = "tls13 ", "dtls13"


class _Aead(Protocol):
    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...


@dataclass(frozen=True)
class Suite:
    """What a cipher suite is made of (RFC 8446 §B.4).

    Attributes:
        hash_name: of the key schedule, as `hashlib` has it.
        key_bytes, tag_bytes: sizes of the AEAD's key and tag.
        aead: makes the AEAD from a key.
    """

    hash_name: str
    key_bytes: int
    tag_bytes: int
    aead: Callable[[bytes], _Aead]


_SUITES: dict[int, Suite] = {
    0x1301: Suite("sha256", 16, 16, AESGCM),
    0x1302: Suite("sha384", 32, 16, AESGCM),
    0x1303: Suite("sha256", 32, 16, ChaCha20Poly1305),
    0x1304: Suite("sha256", 16, 16, AESCCM),
    0x1305: Suite("sha256", 16, 8, lambda key: AESCCM(key, tag_length=8)),
}
_IV_BYTES = 12


@dataclass(frozen=True)
class KeyLogLine:
    """One logged secret."""

    label: str
    client_random: bytes
    secret: bytes

    def encode(self) -> str:
        """Return the line as key log files have it, without its newline."""
        return f"{self.label} {self.client_random.hex()} {self.secret.hex()}"


def parse(text: str) -> list[KeyLogLine]:
    """Parse a key log; comments and blank lines are skipped.

    A last line without its newline is still being written and is left out.

    Raises:
        PeerError: a complete line is not `LABEL HEX HEX`.
    """
    lines = []
    for number, line in enumerate(text.split("\n")[:-1], 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            label, client_random, secret = line.split()
            lines.append(KeyLogLine(label, bytes.fromhex(client_random), bytes.fromhex(secret)))
        except ValueError as error:
            raise PeerError(f"key log line {number}: {error}: {line!r}") from error
    return lines


def find(path: Path, label: str, client_random: bytes | None = None) -> bytes | None:
    """Return the newest secret logged under `label`, or None when there is none (yet)."""
    if not path.is_file():
        return None
    for line in reversed(parse(path.read_text("ascii"))):
        if line.label == label and client_random in (None, line.client_random):
            return line.secret
    return None


def expand_label(
    hash_name: str,
    secret: bytes,
    label: str,
    context: bytes,
    length: int,
    protocol: str = TLS_LABELS,
) -> bytes:
    """HKDF-Expand-Label (RFC 8446 §7.1); what labels of the protocol begin with is RFC 9147 §5.9's.

    The two beginnings have six octets each.
    """
    full = f"{protocol}{label}".encode("ascii")
    info = length.to_bytes(2, "big") + bytes([len(full)]) + full
    info += bytes([len(context)]) + context
    output, block = b"", b""
    counter = 1
    while len(output) < length:
        block = hmac.digest(secret, block + info + bytes([counter]), hash_name)
        output += block
        counter += 1
    return output[:length]


def next_traffic_secret(suite: int, secret: bytes, protocol: str = TLS_LABELS) -> bytes:
    """Return the traffic secret that follows a KeyUpdate (RFC 8446 §7.2)."""
    return expand_label(row(suite).hash_name, secret, "traffic upd", b"", len(secret), protocol)


def exporter(suite: int, exporter_secret: bytes, label: str, length: int) -> bytes:
    """Compute TLS-Exporter(label, "", length) from the logged secret (RFC 8446 §7.5)."""
    hash_name = row(suite).hash_name
    empty = hashlib.new(hash_name).digest()
    derived = expand_label(hash_name, exporter_secret, label, empty, len(empty))
    return expand_label(hash_name, derived, "exporter", empty, length)


class RecordKeys:
    """Opens and seals the records of one direction and one epoch (RFC 8446 §5.2, §5.3).

    Attributes:
        key, iv: what the traffic secret gives (RFC 8446 §7.3).
        tag_bytes: size of the tag at the end of each record.
    """

    def __init__(self, suite: int, traffic_secret: bytes, protocol: str = TLS_LABELS) -> None:
        facts = row(suite)
        hash_name, size = facts.hash_name, facts.key_bytes
        self.key = expand_label(hash_name, traffic_secret, "key", b"", size, protocol)
        self.iv = expand_label(hash_name, traffic_secret, "iv", b"", _IV_BYTES, protocol)
        self.tag_bytes = facts.tag_bytes
        self._aead = facts.aead(self.key)

    def open(self, sequence: int, header: bytes, body: bytes) -> bytes:
        """Return the TLSInnerPlaintext of a record; `cryptography.InvalidTag` if forged."""
        return self._aead.decrypt(self.nonce(sequence), body, header)

    def seal(self, sequence: int, header: bytes, inner: bytes) -> bytes:
        """Return the body of a record whose header already carries the final length."""
        return self._aead.encrypt(self.nonce(sequence), inner, header)

    def nonce(self, sequence: int) -> bytes:
        """Return the nonce of a record (RFC 8446 §5.3)."""
        padded = sequence.to_bytes(_IV_BYTES, "big")
        return bytes(a ^ b for a, b in zip(self.iv, padded, strict=True))


def row(suite: int) -> Suite:
    """Return what a suite is made of.

    Raises:
        PeerError: it is none of TLS 1.3's.
    """
    try:
        return _SUITES[suite]
    except KeyError:
        raise PeerError(
            f"suite 0x{suite:04x} has no row in hil/tlsrig/keylog.py, so its records and "
            "exporter values cannot be computed: add one"
        ) from None
