"""The cookie of a HelloRetryRequest (RFC 8446 §4.2.2), for servers whose configuration has a key.

It says what a server would have to remember of its HelloRetryRequest, and proves by an HMAC that
this server, or one with the same key, has said so: suite, group, and the hash of the first
ClientHello, which is what the transcript begins with after a retry (§4.4.1: "by storing just the
hash of ClientHello1 in the cookie"). Our own server remembers the handshake as well and compares
what comes back with what it sent.

The form: cipher suite (2 bytes), group (2), Hash(ClientHello1), HMAC-SHA256 of all that (32).
"""

from tlscore.crypto.hashes import SHA256
from tlscore.crypto.hmac import hmac

# Keeps the HMAC apart from any other use of the key.
_PURPOSE = b"tlscore HelloRetryRequest cookie"


def make(key, suite, group, client_hello_hash) -> bytes:
    """Return the cookie.

    Args:
        key: of the configuration, known to nobody else.
        suite, group: what the HelloRetryRequest selects.
        client_hello_hash: of the first ClientHello, by the hash of the suite.
    """
    said = bytes((suite >> 8, suite & 0xFF, group >> 8, group & 0xFF)) + client_hello_hash
    return said + hmac(SHA256, key, _PURPOSE, said)
