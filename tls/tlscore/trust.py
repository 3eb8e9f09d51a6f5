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

Beside that a store may have pins: SHA-256 digests of SubjectPublicKeyInfo values (what `openssl
pkey -pubin -outform DER | sha256sum` prints, and HPKP called pins, RFC 7469 §2.4). There are two
ways to use them, and the store says which by two attributes:

    pins            None (or no such attribute): keys are not pinned; else the digests
    needs_anchor    True (or none): the chain must lead to an anchor AND one of its certificates,
                    the leaf or an intermediate that was sent, must have a pinned key: pins narrow
                    what anchors allow (`TrustAnchors(rows, pins)`)
                    False: the leaf itself must have a pinned key, and needs no other proof; its
                    name, validity and purpose are judged all the same (`PinnedKeys(pins)`)

Raw public keys (RFC 7250) have no certificate that could lead to an anchor: they are trusted by
pins alone, from either kind of store.

A store may also have

    authorities     DER-encoded Names; a server tells them to clients it asks for a certificate, so
                    that one who has several can choose (RFC 8446 §4.2.4); none are told if there is
                    no such attribute

The store decides nothing else: validity times of anchors are not looked at, removing an anchor
is how trust in it ends. A store in a file is in trust_store.py.
"""

from tlscore.errors import UsageError


class TrustAnchors:
    """Trust anchors in memory.

    Args:
        rows: `(name_hash, key)` pairs of plain literals, as `anchor_from_certificate` makes them.
        pins: SHA-256 digests of public keys, one of which must be in the chain; None: no pinning.
        authorities: DER-encoded Names to tell clients, as `name_from_certificate` returns them.

    Raises:
        UsageError: `trust.empty` without any row (nothing could ever be verified),
            `trust.malformed_row` when a row is not such a pair, `trust.malformed_pin`.
    """

    def __init__(self, rows, pins=None, authorities=()):
        self._rows = tuple(rows)
        self.authorities = tuple(authorities)
        self.pins = None if pins is None else checked_pins(pins)
        if not self._rows:
            raise UsageError("trust.empty")
        for row in self._rows:
            if len(row) != 2 or len(row[0]) != 32 or len(row[1]) not in (2, 3):
                raise UsageError("trust.malformed_row")

    def anchors(self, name_hash):
        """Return the keys trusted under the name whose SHA-256 is `name_hash`."""
        return [key for row_hash, key in self._rows if row_hash == name_hash]


class PinnedKeys:
    """Keys that are trusted as they are, whoever certified them.

    Args:
        pins: SHA-256 digests of public keys (SubjectPublicKeyInfo).

    Raises:
        UsageError: `trust.empty`, `trust.malformed_pin`.
    """

    needs_anchor = False

    def __init__(self, pins):
        self.pins = checked_pins(pins)

    def anchors(self, _name_hash):
        """Return no keys: nobody is trusted to certify others."""
        return ()


def checked_pins(pins):
    """Return pins as a tuple.

    Raises:
        UsageError: `trust.empty`, `trust.malformed_pin`.
    """
    pins = tuple(pins)
    if not pins:
        raise UsageError("trust.empty")
    for pin in pins:
        if not isinstance(pin, bytes) or len(pin) != 32:
            raise UsageError("trust.malformed_pin")
    return pins


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


def name_from_certificate(der) -> bytes:
    """Return the DER-encoded Name of a certificate's subject; arguments and errors as above."""
    from tlscore.x509.anchor import AnchorParser  # noqa: PLC0415

    parser = AnchorParser()
    parser.parse(der)
    return bytes(parser.name)
