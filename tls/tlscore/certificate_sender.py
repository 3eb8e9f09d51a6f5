"""Our own certificates on their way to the peer (RFC 8446 §4.4.2).

The chain stays where the caller keeps it, in flash on a board. `CertificateSender` writes the
Certificate message out of it in pieces, each as large as the send buffer has room for.
"""

from tlscore.codepoints import CERTIFICATE
from tlscore.compat import const

_NO_EXTENSIONS = b"\x00\x00"
# Header of the message, certificate_request_context, length of the list.
_START_BYTES = const(8)


def _u24(value):
    return bytes((value >> 16, value >> 8 & 0xFF, value & 0xFF))


class CertificateSender:
    """Write a Certificate message piece by piece.

    Args:
        chain: sequence of DER certificates (bytes-like), the leaf first; none for the answer of a
            client that has none.

    Attributes:
        left: bytes of the message that are still to be written.
    """

    def __init__(self, chain):
        self._chain = chain
        size = sum([5 + len(certificate) for certificate in chain])
        self._part = bytes((CERTIFICATE,)) + _u24(4 + size) + b"\x00" + _u24(size)
        self._next_part = 0  # after the start three to a certificate: length, data, extensions
        self._offset = 0
        self.left = _START_BYTES + size

    def write(self, writer, size):
        """Write the next `size` bytes, `left` at most."""
        self.left -= size
        while size:
            if self._offset == len(self._part):
                self._step()
            end = min(self._offset + size, len(self._part))
            writer.raw(memoryview(self._part)[self._offset : end])
            size -= end - self._offset
            self._offset = end

    def _step(self):
        certificate = self._chain[self._next_part // 3]
        self._part = (_u24(len(certificate)), certificate, _NO_EXTENSIONS)[self._next_part % 3]
        self._next_part += 1
        self._offset = 0
