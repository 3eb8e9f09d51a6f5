"""The transcript of DTLS 1.2: messages as if none had been in fragments (RFC 6347 §4.2.6).

Handlers hash messages with the header of TLS. Here its four bytes become the twelve of DTLS, whose
message number the connection knows: `sequence` is that of the message to come.
"""

from tlscore.tls12 import transcript


class Transcript(transcript.Transcript):
    """As in ../tls12/transcript.py.

    Args:
        first, second: numbers of the ClientHello, and of the first message from the peer.

    Attributes:
        sequence: number of the next message to be added.
    """

    def __init__(self, hash_, digests, other, first, second):
        transcript.Transcript.__init__(self, hash_, digests, other)
        self.sequence = first
        self._second = second
        self._left = 0  # bytes of a message that is added in pieces

    def update(self, data):
        """Add a message, or a piece of one, the first of which has the header."""
        size = len(data)
        if self._left:
            self._left -= size
        else:
            length = bytes(data[1:4])
            numbers = bytes((self.sequence >> 8, self.sequence & 0xFF, 0, 0, 0))
            transcript.Transcript.update(self, bytes(data[:1]) + length + numbers + length)
            self._left = (length[0] << 16 | length[1] << 8 | length[2]) + 4 - size
            data = data[4:]
            if self._second is not None:
                self.sequence = self._second
                self._second = None
        if len(data):
            transcript.Transcript.update(self, data)
