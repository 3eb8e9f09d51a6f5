"""Key logs in the NSS format, and what follows from a logged secret (RFC 8446 §7).

A peer writes one line per secret, `LABEL CLIENT_RANDOM SECRET` in hexadecimal (the format of
SSLKEYLOGFILE, draft-ietf-tls-keylogfile). From a secret the rig derives record keys, to open and
re-seal records, and exporter values, for peers that print none. The derivations use the
`cryptography` package and `hmac`, never `tlscore`: they judge it.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from hil.errors import PeerError

SERVER_HANDSHAKE = "SERVER_HANDSHAKE_TRAFFIC_SECRET"
CLIENT_HANDSHAKE = "CLIENT_HANDSHAKE_TRAFFIC_SECRET"
EXPORTER = "EXPORTER_SECRET"

_Aead = type[AESGCM] | type[ChaCha20Poly1305]

# suite: (hash, AEAD key length in bytes, AEAD), RFC 8446 §B.4
_SUITES: dict[int, tuple[str, int, _Aead]] = {
    0x1301: ("sha256", 16, AESGCM),
    0x1302: ("sha384", 32, AESGCM),
    0x1303: ("sha256", 32, ChaCha20Poly1305),
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


def expand_label(hash_name: str, secret: bytes, label: str, context: bytes, length: int) -> bytes:
    """HKDF-Expand-Label (RFC 8446 §7.1)."""
    full = b"tls13 " + label.encode("ascii")
    info = length.to_bytes(2, "big") + bytes([len(full)]) + full
    info += bytes([len(context)]) + context
    output, block = b"", b""
    counter = 1
    while len(output) < length:
        block = hmac.digest(secret, block + info + bytes([counter]), hash_name)
        output += block
        counter += 1
    return output[:length]


def exporter(suite: int, exporter_secret: bytes, label: str, length: int) -> bytes:
    """Compute TLS-Exporter(label, "", length) from the logged secret (RFC 8446 §7.5)."""
    hash_name = _row(suite)[0]
    empty = hashlib.new(hash_name).digest()
    derived = expand_label(hash_name, exporter_secret, label, empty, len(empty))
    return expand_label(hash_name, derived, "exporter", empty, length)


class RecordKeys:
    """Opens and seals the records of one direction and one epoch (RFC 8446 §5.2, §5.3)."""

    def __init__(self, suite: int, traffic_secret: bytes) -> None:
        hash_name, key_bytes, aead = _row(suite)
        self._aead = aead(expand_label(hash_name, traffic_secret, "key", b"", key_bytes))
        self._iv = expand_label(hash_name, traffic_secret, "iv", b"", _IV_BYTES)

    def open(self, sequence: int, header: bytes, body: bytes) -> bytes:
        """Return the TLSInnerPlaintext of a record; `cryptography.InvalidTag` if forged."""
        return self._aead.decrypt(self._nonce(sequence), body, header)

    def seal(self, sequence: int, header: bytes, inner: bytes) -> bytes:
        """Return the body of a record whose header already carries the final length."""
        return self._aead.encrypt(self._nonce(sequence), inner, header)

    def _nonce(self, sequence: int) -> bytes:
        padded = sequence.to_bytes(_IV_BYTES, "big")
        return bytes(a ^ b for a, b in zip(self._iv, padded, strict=True))


def _row(suite: int) -> tuple[str, int, _Aead]:
    try:
        return _SUITES[suite]
    except KeyError:
        raise PeerError(
            f"suite 0x{suite:04x} has no row in hil/tlsrig/keylog.py, so its records and "
            "exporter values cannot be computed: add one"
        ) from None
