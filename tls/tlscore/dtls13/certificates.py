"""The Certificate message of a chain in any part and at any time (RFC 8446 §4.4.2)."""

from tlscore.codepoints import CERTIFICATE
from tlscore.dtls import outbox

_NO_EXTENSIONS = b"\x00\x00"


def _u24(value):
    return bytes((value >> 16, value >> 8 & 0xFF, value & 0xFF))


class ChainMessage(outbox.ChainMessage):
    """As in ../dtls/outbox.py, in the form of TLS 1.3.

    Args:
        chain: sequence of DER certificates (bytes-like), the leaf first; or the one
            SubjectPublicKeyInfo of a raw public key.
    """

    def __init__(self, chain):
        size = sum([3 + len(certificate) + len(_NO_EXTENSIONS) for certificate in chain])
        parts = [b"\x00" + _u24(size)]  # without certificate_request_context
        for certificate in chain:
            parts += [_u24(len(certificate)), certificate, _NO_EXTENSIONS]
        self._parts = parts
        self.size = size + 4
        self.header = bytes((CERTIFICATE,)) + _u24(self.size)
