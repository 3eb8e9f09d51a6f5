"""Keys of TLS 1.2 on the host: the PRF, the key block, Finished, and records under an AEAD.

RFC 5246 §5, §6.3, §7.4.9; RFC 5288 and RFC 6655 for AES in GCM and CCM, RFC 7905 for ChaCha20. A
key log holds the master secret under the label `CLIENT_RANDOM`; from it and the two randoms comes
everything else. Computed with `hmac` and the `cryptography` package, never with `tlscore`, which
this judges (`hil.tlsrig.keylog` is the same for TLS 1.3).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

from hil.errors import PeerError
from hil.tlsrig import keylog, names

# The label of a key log under which the master secret stands.
MASTER = "CLIENT_RANDOM"
MASTER_BYTES = 48
VERIFY_DATA_BYTES = 12
_NONCE_BYTES = 12
_EXPLICIT_BYTES = 8

# By the end of a suite's name: (key bytes, part of the nonce that stays, tag bytes, AEAD).
_CIPHERS: Mapping[str, tuple[int, int, int, Callable[[bytes], keylog._Aead]]] = {
    "AES_128_GCM_SHA256": (16, 4, 16, AESGCM),
    "AES_256_GCM_SHA384": (32, 4, 16, AESGCM),
    "AES_128_CCM_8_SHA256": (16, 4, 8, lambda key: AESCCM(key, tag_length=8)),
    "AES_128_CCM_SHA256": (16, 4, 16, AESCCM),
    "AES_128_CCM_8": (16, 4, 8, lambda key: AESCCM(key, tag_length=8)),
    "AES_128_CCM": (16, 4, 16, AESCCM),
    "CHACHA20_POLY1305_SHA256": (32, 12, 16, ChaCha20Poly1305),
}


@dataclass(frozen=True)
class Suite:
    """What a suite of TLS 1.2 is made of.

    Attributes:
        hash_name: of the PRF and of the transcript.
        key_bytes, iv_bytes, tag_bytes: of the AEAD; the IV is what stays of the nonce.
        aead: makes the AEAD from a key.
    """

    hash_name: str
    key_bytes: int
    iv_bytes: int
    tag_bytes: int
    aead: Callable[[bytes], keylog._Aead]

    @property
    def block_bytes(self) -> int:
        """How much of the key block it takes (RFC 5246 §6.3; there are no MAC keys)."""
        return 2 * (self.key_bytes + self.iv_bytes)


def find(code: int | None) -> Suite | None:
    """Return what a suite is made of; None if it is no AEAD of TLS 1.2's."""
    name = names.OLDER_SUITES.get(code, "") if code is not None else ""
    cipher = _CIPHERS.get(name.partition("_WITH_")[2])
    if cipher is None:
        return None
    key_bytes, iv_bytes, tag_bytes, aead = cipher
    hash_name = "sha384" if name.endswith("SHA384") else "sha256"
    return Suite(hash_name, key_bytes, iv_bytes, tag_bytes, aead)


def row(code: int) -> Suite:
    """Return what a suite is made of.

    Raises:
        PeerError: it is no AEAD of TLS 1.2's.
    """
    found = find(code)
    if found is None:
        raise PeerError(f"suite 0x{code:04x} has no cipher in hil/tlsrig/tls12_keys.py: add one")
    return found


def prf(hash_name: str, secret: bytes, label: bytes, seed: bytes, size: int) -> bytes:
    """PRF(secret, label, seed) = P_hash(secret, label + seed) (RFC 5246 §5)."""
    seed = label + seed
    output, chained = b"", seed
    while len(output) < size:
        chained = hmac.digest(secret, chained, hash_name)
        output += hmac.digest(secret, chained + seed, hash_name)
    return output[:size]


def key_block(suite: Suite, master: bytes, client_random: bytes, server_random: bytes) -> bytes:
    """Return all keys in a row: the client's, the server's, the client's IV, the server's."""
    seed = server_random + client_random
    return prf(suite.hash_name, master, b"key expansion", seed, suite.block_bytes)


def verify_data(suite: Suite, master: bytes, digest: bytes, *, of_client: bool) -> bytes:
    """Return what a Finished holds (RFC 5246 §7.4.9)."""
    label = b"client finished" if of_client else b"server finished"
    return prf(suite.hash_name, master, label, digest, VERIFY_DATA_BYTES)


class RecordKeys:
    """Opens and seals the records of one direction of a TLS 1.2 connection (RFC 5246 §6.2.3.3).

    Attributes:
        key, iv: as they lie in the key block.
        tag_bytes: size of the tag at the end of each record.
        explicit_bytes: how much of the nonce travels in front of each record.
    """

    def __init__(self, suite: Suite, block: bytes, *, of_client: bool) -> None:
        """Take a direction's keys out of the key block."""
        size, iv_size = suite.key_bytes, suite.iv_bytes
        at, iv_at = (0, 2 * size) if of_client else (size, 2 * size + iv_size)
        self.key = block[at : at + size]
        self.iv = block[iv_at : iv_at + iv_size]
        self.tag_bytes = suite.tag_bytes
        self.explicit_bytes = _NONCE_BYTES - iv_size
        self._aead = suite.aead(self.key)

    def open(self, sequence: int, header: bytes, body: bytes) -> bytes:
        """Return the contents of a record; `cryptography.InvalidTag` if forged or too short."""
        cut = self.explicit_bytes
        size = len(body) - cut - self.tag_bytes
        if size < 0:
            raise InvalidTag
        nonce = self.nonce(sequence, body[:cut])
        return self._aead.decrypt(nonce, body[cut:], self.additional_data(sequence, header, size))

    def seal(self, sequence: int, header: bytes, content: bytes) -> bytes:
        """Return the body of a record; of `header` type and version count."""
        explicit = sequence.to_bytes(_EXPLICIT_BYTES, "big")[: self.explicit_bytes]
        data = self.additional_data(sequence, header, len(content))
        return explicit + self._aead.encrypt(self.nonce(sequence, explicit), content, data)

    def nonce(self, sequence: int, explicit: bytes = b"") -> bytes:
        """Return a record's nonce: the IV and what travels, or the IV XOR the number."""
        if self.explicit_bytes:
            return self.iv + explicit  # RFC 5288 §3, RFC 6655 §3
        padded = sequence.to_bytes(_NONCE_BYTES, "big")
        return bytes(a ^ b for a, b in zip(self.iv, padded, strict=True))  # RFC 7905 §2

    @staticmethod
    def additional_data(sequence: int, header: bytes, size: int) -> bytes:
        """Return what is protected beside the contents: number, type, version, their length."""
        return sequence.to_bytes(8, "big") + header[:3] + size.to_bytes(2, "big")
