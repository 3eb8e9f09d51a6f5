"""The parser of NewSessionTicket, which may be longer than a board's memory and is never held.

It has a file of its own because it is loaded when the first ticket comes: during the handshake
certificates need the memory.
"""

from tlscore import extensions
from tlscore.compat import const
from tlscore.errors import PeerMisbehaved
from tlscore.message_streams import ExtensionSkipper
from tlscore.wire import decode_error

# See codepoints.py: copies that cost nothing on a board.
_ALERT_ILLEGAL_PARAMETER = const(47)

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
    """

    def __init__(self, length):
        # §4.6.1: "Clients MUST ignore unrecognized extensions."
        ExtensionSkipper.__init__(
            self, length, "new_session_ticket", extensions.IN_NEW_SESSION_TICKET, None
        )
        self.expect_field(_LIFETIME, 4)

    def on_field(self, step, value):
        """Take one of the integers of the message."""
        if step == _LIFETIME:
            if value > _LIFETIME_LIMIT_S:
                raise PeerMisbehaved("new_session_ticket.lifetime", _ALERT_ILLEGAL_PARAMETER)
            self.expect_field(_AGE_ADD, 4)
        elif step == _AGE_ADD:
            self.expect_field(_NONCE_LENGTH, 1)
        elif step == _NONCE_LENGTH:
            self.expect_stretch(_NONCE, value)
        else:
            if value == 0:  # ticket<1..2^16-1>
                raise decode_error(self.subject, "bad_length")
            self.expect_stretch(_TICKET, value)

    def on_stretch_end(self, step):
        """Learn that the nonce or the ticket is complete."""
        if step == _NONCE:
            self.expect_field(_TICKET_LENGTH, 2)
        else:
            self.expect_field(_BLOCK_LENGTH, 2)
