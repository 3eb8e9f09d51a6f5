"""Whom to trust: the interface of a trust store, and one held in memory.

A trust anchor is what RFC 5280 §6.1.1 (d) says: a name and a public key, not a certificate. A
store is any object with

    anchors(name_hash) -> iterable of keys

where `name_hash` is the SHA-256 of an issuer's whole DER-encoded Name and a key is the tuple
`(kind, public)`, `kind` one of the key kinds of tlscore.crypto.signature. Several anchors may
share a name, so every key of that name is offered. A key may carry a third element, the DER of
an `Extensions` value (RFC 5280 §4.1): constraints its owner put on it (RFC 5937), which the chain
is then held to as if the anchor were one more certificate above it. Without it the anchor is an
unconstrained certification authority.

The store decides nothing else: validity times of anchors are not looked at, removing an anchor
is how trust in it ends.
"""

from tlscore.errors import UsageError


class TrustAnchors:
    """Trust anchors in memory.

    Args:
        rows: `(name_hash, key)` pairs of plain literals, as `anchor_from_certificate` makes them.

    Raises:
        UsageError: `trust.empty` without any row (nothing could ever be verified),
            `trust.malformed_row` when a row is not such a pair.
    """

    def __init__(self, rows):
        self._rows = tuple(rows)
        if not self._rows:
            raise UsageError("trust.empty")
        for row in self._rows:
            if len(row) != 2 or len(row[0]) != 32 or len(row[1]) not in (2, 3):
                raise UsageError("trust.malformed_row")

    def anchors(self, name_hash):
        """Return the keys trusted under the name whose SHA-256 is `name_hash`."""
        return [key for row_hash, key in self._rows if row_hash == name_hash]


def anchor_from_certificate(der):
    """Make a trust anchor of one DER certificate; its own signature proves nothing and is not read.

    Args:
        der: the whole certificate.

    Returns:
        `(name_hash, key)`, plain literals.

    Raises:
        PeerMisbehaved: the certificate is malformed, or its key is of a kind the core lacks.
    """
    # Imported here: a board that gets its anchors as literals does not need the parser for them.
    from tlscore.x509.anchor import AnchorParser  # noqa: PLC0415

    return AnchorParser().parse(der)
