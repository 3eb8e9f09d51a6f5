"""The parser of NewSessionTicket, which may be longer than a board's memory.

The ticket is kept if it is wanted and not too long, and read past otherwise. It has a file of its
own because it is loaded when the first ticket comes: during the handshake certificates need the
memory.
"""

from tlscore import extensions
from tlscore.compat import const
from tlscore.errors import illegal
from tlscore.extension_stream import ExtensionSkipper
from tlscore.wire import decode_error

# See codepoints.py: copies that cost nothing on a board.

# RFC 8446 §4.6.1: "Servers MUST NOT use any value greater than 604800 seconds (7 days)."
_LIFETIME_LIMIT_S = const(604800)

# What the next integer or stretch is; 0 to 3 are the steps of an extension block.
_BLOCK_LENGTH = const(0)
_LIFETIME = const(4)
_AGE_ADD = const(5)
_NONCE_LENGTH = const(6)
_NONCE = const(7)
_TICKET_LENGTH = const(8)
_TICKET = const(9)


class NewSessionTicketParser(ExtensionSkipper):
    """Check the form of a NewSessionTicket (RFC 8446 §4.6.1) as it streams by.

    Args:
        length: of the message body.
        ticket_bytes_max: longest ticket that is kept.

    Attributes:
        lifetime_s, age_add: ticket_lifetime and ticket_age_add; 0 where none would be kept.
        nonce, ticket: bytearrays; None where the ticket is not kept.
    """

    # What is not kept takes no room in the object.
    message = extensions.IN_NEW_SESSION_TICKET
    _ticket_bytes_max = 0
    lifetime_s = 0
    age_add = 0
    nonce = None
    ticket = None
    _kept = None  # the one of the two that is being filled
    _filled = 0

    def __init__(self, length, ticket_bytes_max=0):
        # §4.6.1: "Clients MUST ignore unrecognized extensions."
        ExtensionSkipper.__init__(self, length, "new_session_ticket", None)
        if ticket_bytes_max:
            self._ticket_bytes_max = ticket_bytes_max
        self.expect_field(_LIFETIME, 4)

    def on_field(self, step, value):
        """Take one of the integers of the message."""
        if step == _LIFETIME:
            if value > _LIFETIME_LIMIT_S:
                raise illegal("new_session_ticket.lifetime")
            if self._ticket_bytes_max:
                self.lifetime_s = value
            self.expect_field(_AGE_ADD, 4)
        elif step == _AGE_ADD:
            if self._ticket_bytes_max:
                self.age_add = value
            self.expect_field(_NONCE_LENGTH, 1)
        elif step == _NONCE_LENGTH:
            if self._ticket_bytes_max:
                self.nonce = self._keep(value)
            self.expect_stretch(_NONCE, value)
        else:
            if value == 0:  # ticket<1..2^16-1>
                raise decode_error(self.subject, "bad_length")
            if value <= self._ticket_bytes_max and value <= self.unclaimed:
                self.ticket = self._keep(value)
            self.expect_stretch(_TICKET, value)

    def _keep(self, size):
        self._kept = bytearray(size)
        self._filled = 0
        return self._kept

    def on_piece(self, piece):
        """Take a piece of nonce or ticket; drop one that is not kept."""
        if self._kept is not None:
            end = self._filled + len(piece)
            self._kept[self._filled : end] = piece
            self._filled = end

    def on_stretch_end(self, step):
        """Learn that the nonce or the ticket is complete."""
        if self._kept is not None:
            self._kept = None
        if step == _NONCE:
            self.expect_field(_TICKET_LENGTH, 2)
        else:
            self.expect_field(_BLOCK_LENGTH, 2)
