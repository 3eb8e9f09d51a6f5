"""Hash functions, each one described by a row that HMAC, HKDF and signatures take as an argument.

The functions come from `hashlib` where it has them. SHA-256 is the one piece of cryptography every
MicroPython has in C; none has SHA-384 and SHA-512, which are loaded from `sha512.py` there when
they are first used.

Objects made by SHA-256's `new` are spent by `digest()`: MicroPython frees their state and has no
`copy()`, so whoever needs a running and a final value keeps two. Those of the others are not.

A board whose core has kernels for it can do better: `fastest` gives the row to use instead, to be
asked for once and kept, since the choice needs a known answer. There SHA-256 is `reusable` too.
"""

import hashlib

from tlscore.crypto import installed, load
from tlscore.crypto.selftest import kernel


class Hash:
    """One hash function; never changed.

    Attributes:
        name: as the IANA registries spell it, in lower case.
        size: bytes of a digest.
        block: bytes of an input block, which HMAC pads its key to.
        new: `new(data=b"")` starts a hash object with `update(data)` and `digest()`.
        reusable: whether that object may go on after `digest()`; then it has `copy()` too.
        machine: what `hmac.py` is to use in place of `new`: `machine.hmac(key, parts)` and
            `machine.Key(key)`; or None.
        label_prefix: of the labels that TLS 1.3 derives secrets with (RFC 8446 §7.1), which are
            those of a hash: DTLS 1.3 has rows with another (dtls13/suites.py).
    """

    label_prefix = b"tls13 "

    def __init__(self, name: str, size: int, block: int, new, reusable: bool, machine=None) -> None:
        self.name = name
        self.size = size
        self.block = block
        self.new = new
        self.reusable = reusable
        self.machine = machine


def _sha256(data: bytes = b""):
    return hashlib.sha256(data)


def _sha384(data: bytes = b""):
    return (getattr(hashlib, "sha384", None) or load("sha512", "sha384"))(data)


def _sha512(data: bytes = b""):
    return (getattr(hashlib, "sha512", None) or load("sha512", "sha512"))(data)


SHA256 = Hash("sha256", 32, 64, _sha256, False)
SHA384 = Hash("sha384", 48, 128, _sha384, True)
SHA512 = Hash("sha512", 64, 128, _sha512, True)


def of_size(size: int) -> "Hash | None":
    """Return the hash with digests of `size` bytes, or None if there is none."""
    for row in (SHA256, SHA384, SHA512):
        if row.size == size:
            return row
    return None


def fastest(row: "Hash") -> "Hash":
    """Return the row of the same hash with the best objects that this interpreter can make.

    They give the same digests, so rows of one size may be mixed, but are not the same object. The
    known-answer test takes some 15,000 instructions: ask once for a connection.
    """
    size = row.size
    machine = kernel("running_hash" if size == 32 else "long_hash")
    if machine is None:
        return row
    if size == 32:
        return machine.SHA256
    return machine.SHA384 if size == 48 else machine.SHA512


def has_sha512() -> bool:
    """Whether SHA-384 and SHA-512 are there: an image may leave them out."""
    return hasattr(hashlib, "sha512") or installed("sha512")
