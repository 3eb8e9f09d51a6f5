"""The hash of the handshake messages so far (RFC 8446 §4.4.1), wanted at several moments.

MicroPython's SHA-256 has no copy() and digest() ends the object, so a running hash is kept for
every moment at which a digest will be wanted; all are fed, and each digest uses one up. A hash
whose objects go on after digest() (`reusable` in crypto/hashes.py) runs once. They are started only
when the ServerHello has named the hash: until then the ClientHello rests in the send buffer. The
same is done on CPython, so that what is tested is what runs on boards.

Not here: deciding when to take a digest (client.py), hashing for signatures.
"""

from tlscore.compat import const

# See codepoints.py: copies that cost nothing on a board.
_MESSAGE_HASH = const(254)

# A client's digests: up to ServerHello, EncryptedExtensions and the server's Finished. With
# certificates up to Certificate and CertificateVerify (instead of EncryptedExtensions); if the
# server asks for a certificate, up to ours.
_OF_CLIENT = const(3)
_OF_CLIENT_WITH_CERTIFICATES = const(5)


class Transcript:
    """A running hash with a fixed number of digests to take.

    Args:
        hash_: row of crypto/hashes.py, the hash of the cipher suite.
        digests: how many digests will be taken at most; SHA-256 takes about 120 bytes of RAM for
            each on a board.
    """

    def __init__(self, hash_, digests):
        self._reusable = hash_.reusable
        if hash_.reusable:
            self._running = (hash_.new(),)
        else:
            self._running = [hash_.new() for _ in range(digests)]

    def update(self, data):
        """Add the bytes of a message, or a piece of them."""
        for running in self._running:
            running.update(data)

    def digest(self) -> bytes:
        """Return the hash of everything added so far; this uses up one of the digests."""
        if self._reusable:
            return self._running[0].digest()
        return self._running.pop().digest()

    def keep(self, digests):
        """Give up all but so many digests: that many will be taken."""
        self._running = self._running[:digests]

    def drop(self):
        """Give up a digest that will not be wanted after all."""
        if not self._reusable:
            self._running.pop()


def digests_of_client(config, by_certificate) -> int:
    """Return how many digests of the transcript a client wants from the ServerHello on.

    One more if it has a certificate, up to its CertificateVerify, and if it keeps tickets, up to
    its Finished.
    """
    digests = _OF_CLIENT
    if by_certificate:
        digests = _OF_CLIENT_WITH_CERTIFICATES + (1 if config.has_identity else 0)
    return digests + (1 if config.ticket_bytes_max else 0)


def message_hash(hash_, client_hello) -> bytes:
    """Return the message that stands for the first ClientHello after a HelloRetryRequest.

    RFC 8446 §4.4.1: the ClientHello is "replaced with a special synthetic handshake message of
    handshake type "message_hash" containing Hash(ClientHello1)".
    """
    header = bytes((_MESSAGE_HASH, 0, 0, hash_.size))
    return header + hash_.new(client_hello).digest()
