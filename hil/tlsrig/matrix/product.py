"""Which combinations the matrix has, and which of them a run tries.

A row is a version, a suite and what the server proves itself with. Only rows that can mean anything
are there: a suite of TLS 1.2 names the kind of key it is for (RFC 8422 §2), and an external key is
one for SHA-256 (RFC 8446 §4.2.11), so it goes with no suite of SHA-384.

How large the board's buffer is has to do with the version, in which limits are negotiated
differently, with the certificates, which have to fit, and with peer and role; the cipher has no
part in it. So by default every row is tried with the largest buffer and every size with each pair
of version and certificate. `full` tries every row with every size, `quick` every version, suite,
certificate and size at least once with each peer in each role.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from hil.errors import HilError
from hil.tlsrig import names

Level = Literal["quick", "usual", "full"]

TLS13, TLS12 = "TLSv1.3", "TLSv1.2"
VERSIONS = (TLS13, TLS12)
PSK = "psk"
CERTIFICATES = ("p256", "p384", "rsa2048", "ed25519", PSK)
BUFFERS = (2048, 5120, 8192, 16384)
BUFFER_BYTES_MIN, BUFFER_BYTES_MAX = 64, 16384  # RFC 8449 §4, RFC 8446 §5.1

SUITES_OF_TLS12 = (
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_PSK_WITH_AES_128_GCM_SHA256",
    "TLS_PSK_WITH_AES_128_CCM",
    "TLS_PSK_WITH_AES_128_CCM_8",
    "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256",
)

# What an answer takes to be in no record that is larger than the buffer, and where sizes are not
# what is tried, what is enough to be an answer.
_MORE_BYTES = 64
_ENOUGH_BYTES = 1000


@dataclass(frozen=True)
class Row:
    """A version, a suite of it, and the kind of the server's key; `psk` for an external one."""

    version: str
    suite: str
    certificate: str


@dataclass(frozen=True)
class Place:
    """A row with a buffer.

    Attributes:
        buffer_bytes: the largest plaintext of a record that the board has room for.
        answer_bytes: how much the peer is given to send back at once.
    """

    row: Row
    buffer_bytes: int
    answer_bytes: int


def rows() -> tuple[Row, ...]:
    """Return every row, by version, then by suite."""
    found = [
        Row(TLS13, suite, certificate)
        for suite in names.SUITES.values()
        for certificate in CERTIFICATES
        if not (certificate == PSK and suite.endswith("SHA384"))
    ]
    found += [
        Row(TLS12, suite, certificate)
        for suite in SUITES_OF_TLS12
        for certificate in _certificates_of(suite)
    ]
    return tuple(found)


def _certificates_of(suite: str) -> tuple[str, ...]:
    if "_PSK_" in suite:
        return (PSK,)
    return ("rsa2048",) if "_RSA_" in suite else ("p256", "p384", "ed25519")


def chosen(
    versions: Sequence[str] = (), suites: Sequence[str] = (), certificates: Sequence[str] = ()
) -> list[Row]:
    """Return the rows that names and globs choose; an empty list of them chooses all.

    Args:
        versions: as `TLSv1.2`, or `1.2` for short.

    Raises:
        HilError: a name matches nothing, or nothing is left together; says what there is.
    """
    every = rows()
    versions = [name if "v" in name else f"TLSv{name}" for name in versions]
    kept = [
        row
        for row in every
        if _matches(row.version, versions, VERSIONS, "version")
        and _matches(row.suite, suites, dict.fromkeys(row.suite for row in every), "suite")
        and _matches(row.certificate, certificates, CERTIFICATES, "certificate")
    ]
    if not kept:
        raise HilError("no suite is left: what was chosen has none in common; choose less narrowly")
    return kept


def _matches(name: str, patterns: Sequence[str], known: Iterable[str], what: str) -> bool:
    for pattern in patterns:
        if not fnmatch.filter(known, pattern):
            raise HilError(f"--{what}: {pattern!r} matches none of {', '.join(known)}")
    return not patterns or any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def places(rows: Sequence[Row], buffers: Sequence[int], level: Level) -> list[Place]:
    """Return what is tried with each peer in each role.

    Args:
        rows: those that were chosen.
        buffers: the sizes, not empty.
        level: how much of the product; see above.
    """
    sizes = sorted(buffers)
    if level == "full":
        return [_tried(row, size) for row in rows for size in sizes]
    if level == "quick":
        return _once_each(rows, sizes)
    found: list[Place] = []
    varied = set()
    for row in rows:
        first = (row.version, row.certificate)
        if first not in varied:
            varied.add(first)
            found += [_tried(row, size) for size in sizes]
        else:
            found.append(Place(row, sizes[-1], _ENOUGH_BYTES))
    return found


def _tried(row: Row, size: int) -> Place:
    """Return a place where the buffer is put to the test."""
    return Place(row, size, min(size + _MORE_BYTES, BUFFER_BYTES_MAX))


def _once_each(rows: Sequence[Row], sizes: Sequence[int]) -> list[Place]:
    """Return places with each version, suite, certificate and size, all of a version's at once."""
    found: list[Place] = []
    for version in dict.fromkeys(row.version for row in rows):
        own = [row for row in rows if row.version == version]
        unseen: set[object] = {value for row in own for value in (row.suite, row.certificate)}
        unseen |= set(sizes)
        while unseen:
            best = max(own, key=lambda row: len(unseen & {row.suite, row.certificate}))
            size = next((size for size in sizes if size in unseen), sizes[len(found) % len(sizes)])
            found.append(_tried(best, size))
            unseen -= {best.suite, best.certificate, size}
    return found
