"""The parsers of TLS 1.2's messages that are never held: Certificate and NewSessionTicket.

As in ../message_streams.py: any split will do, and PeerMisbehaved is all they raise.
"""

from tlscore import message_streams
from tlscore.compat import const
from tlscore.errors import illegal
from tlscore.extension_stream import ExtensionSkipper
from tlscore.wire import PushParser

# See codepoints.py: copies that cost nothing on a board.

# As in ../message_streams.py.
_CERTIFICATE_LIMIT = const(102400)
_LIST_LENGTH = const(5)


class CertificateParser(message_streams.CertificateParser):
    """Read the peer's Certificate (RFC 5246 §7.4.2): a list without context and extensions.

    Args: as in ../message_streams.py, but for the extensions.
    """

    def __init__(self, length, verifier, may_be_empty=False):
        ExtensionSkipper.__init__(self, length, "certificate_message", ())
        if length > _CERTIFICATE_LIMIT:
            raise illegal("certificate_message.too_long")
        self._verifier = verifier
        if may_be_empty:
            self._may_be_empty = True
        self.expect_field(_LIST_LENGTH, 3)

    def on_stretch_end(self, _step):
        """Learn that a certificate is complete; another one follows if anything does."""
        self._verifier.end()
        self.on_block_end()


class NewSessionTicketParser(PushParser):
    """Check the form of a NewSessionTicket (RFC 5077 §3.3) as it streams by.

    Args:
        length: of the message body.
        ticket_bytes_max: longest ticket that is kept.

    Attributes:
        lifetime_s: ticket_lifetime_hint, 0 where the server gives none.
        ticket: bytearray; None where the ticket is not kept.
    """

    def __init__(self, length, ticket_bytes_max):
        PushParser.__init__(self, length, "new_session_ticket")
        self._ticket_bytes_max = ticket_bytes_max
        self._filled = 0
        self._integers = 0
        self.lifetime_s = 0
        self.ticket = None
        self.expect_integer(4)

    def on_integer(self, value):
        """Take the lifetime, or the length of the ticket."""
        self._integers += 1
        if self._integers == 1:
            self.lifetime_s = value
            self.expect_integer(2)
            return
        # §3.3: a server that changed its mind sends "a zero-length ticket".
        if 0 < value <= min(self._ticket_bytes_max, self.unclaimed):
            self.ticket = bytearray(value)
        self.expect_opaque(value)

    def on_piece(self, piece):
        """Take a piece of the ticket."""
        if self.ticket is not None:
            self.ticket[self._filled : self._filled + len(piece)] = piece
            self._filled += len(piece)

    def on_end(self):
        """Learn that the ticket is complete."""
