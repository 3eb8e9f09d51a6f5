"""Parsers of messages that may be longer than a board's memory: they are never held.

`CertificateParser` hands the certificates of a chain on to the chain verifier piece by piece;
`ExtensionSkipper` is what it shares with the parser of tickets (ticket_stream.py). Both take any
split of the message, down to single bytes, and raise PeerMisbehaved and nothing else (the
verifier's refusals are PeerMisbehaved as well).
"""

from tlscore import extensions
from tlscore.compat import const
from tlscore.errors import PeerMisbehaved
from tlscore.wire import PushParser, decode_error

# See codepoints.py: copies that cost nothing on a board.
_ALERT_ILLEGAL_PARAMETER = const(47)

# The longest Certificate message: OpenSSL's SSL_MAX_CERT_LIST_DEFAULT, 100 KB.
_CERTIFICATE_LIMIT = const(102400)

# What the next integer or stretch is: steps of an extension block,
_BLOCK_LENGTH = const(0)
_EXTENSION_TYPE = const(1)
_EXTENSION_LENGTH = const(2)
_EXTENSION_CONTENT = const(3)
# of a Certificate (RFC 8446 §4.4.2).
_CONTEXT_LENGTH = const(4)
_LIST_LENGTH = const(5)
_CERTIFICATE_LENGTH = const(6)
_CERTIFICATE_DATA = const(7)


class ExtensionSkipper(PushParser):
    """A PushParser that can also check an extension block and let its contents go.

    `step` says what was asked for last. Subclasses get `on_field(step, value)` for their integers,
    `on_stretch_end(step)` for their opaque stretches, and may have `on_block_end()`.

    Args:
        length, subject: as for PushParser.
        message, offered: as for extensions.admit.
    """

    def __init__(self, length, subject, message, offered):
        PushParser.__init__(self, length, subject)
        self.step = _BLOCK_LENGTH
        self._message = message
        self._offered = offered
        self._after_block = 0
        self._seen = None

    def expect_field(self, step, size):
        """Ask for an integer of `size` bytes, to come back as `on_field(step, value)`."""
        self.step = step
        self.expect_integer(size)

    def expect_stretch(self, step, size):
        """Ask for `size` opaque bytes, to end with `on_stretch_end(step)`."""
        self.step = step
        self.expect_opaque(size)

    def on_integer(self, value):
        """Take an integer of an extension block, or hand it to the subclass."""
        step = self.step
        if step == _BLOCK_LENGTH:
            self._check_fits(value, self.unclaimed)
            self._after_block = self.unclaimed - value
            self._seen = []
            self._next_extension()
        elif step == _EXTENSION_TYPE:
            extensions.admit(self.subject, value, self._message, self._offered, self._seen)
            self._seen.append(value)
            self.expect_field(_EXTENSION_LENGTH, 2)
        elif step == _EXTENSION_LENGTH:
            self._check_fits(value, self.unclaimed - self._after_block)
            self.expect_stretch(_EXTENSION_CONTENT, value)
        else:
            self.on_field(step, value)

    def on_end(self):
        """Take the end of an extension, or hand it to the subclass."""
        if self.step == _EXTENSION_CONTENT:
            self._next_extension()
        else:
            self.on_stretch_end(self.step)

    def on_block_end(self):
        """Learn that an extension block is complete; nothing follows it unless asked for here."""

    def _next_extension(self):
        left = self.unclaimed - self._after_block
        if left == 0:
            self._seen = None
            self.on_block_end()
        else:
            self._check_fits(4, left)
            self.expect_field(_EXTENSION_TYPE, 2)

    def _check_fits(self, size, room):
        if size > room:
            raise decode_error(self.subject, "truncated")


class CertificateParser(ExtensionSkipper):
    """Read the peer's Certificate message (RFC 8446 §4.4.2) as it streams by.

    Args:
        length: of the message body.
        verifier: x509.chain.ChainVerifier; gets begin(length), push(piece) and end() for every
            certificate, leaf first.
        offered: extension types of the ClientHello; §4.4.2: the extensions of an entry "MUST
            correspond to ones from the ClientHello message".
        may_be_empty: accept a message without certificates, as a client may send it.
    """

    def __init__(self, length, verifier, offered, may_be_empty=False):
        ExtensionSkipper.__init__(
            self, length, "certificate_message", extensions.IN_CERTIFICATE, offered
        )
        if length > _CERTIFICATE_LIMIT:
            raise PeerMisbehaved("certificate_message.too_long", _ALERT_ILLEGAL_PARAMETER)
        self._verifier = verifier
        self._may_be_empty = may_be_empty
        self.expect_field(_CONTEXT_LENGTH, 1)

    def on_field(self, step, value):
        """Take one of the lengths of the message."""
        if step == _CONTEXT_LENGTH:
            # "in the case of server authentication, this field SHALL be zero length"; during the
            # handshake a client's is as well, because the request's is (§4.3.2).
            if value:
                raise PeerMisbehaved("certificate_message.context", _ALERT_ILLEGAL_PARAMETER)
            self.expect_field(_LIST_LENGTH, 3)
        elif step == _LIST_LENGTH:
            self._check_fits(value, self.unclaimed)
            if value < self.unclaimed:
                raise decode_error(self.subject, "trailing_data")
            # §4.4.2.4: "If the server supplies an empty Certificate message, the client MUST
            # abort the handshake with a "decode_error" alert."
            if value:
                self.expect_field(_CERTIFICATE_LENGTH, 3)
            elif not self._may_be_empty:
                raise decode_error(self.subject, "empty")
        else:
            if value == 0:  # cert_data<1..2^24-1>
                raise decode_error(self.subject, "bad_length")
            self._verifier.begin(value)
            self.expect_stretch(_CERTIFICATE_DATA, value)

    def on_piece(self, piece):
        """Hand on a piece of a certificate; drop one of an extension."""
        if self.step == _CERTIFICATE_DATA:
            self._verifier.push(piece)

    def on_stretch_end(self, _step):
        """Learn that a certificate is complete; its extensions follow."""
        self._verifier.end()
        self.expect_field(_BLOCK_LENGTH, 2)

    def on_block_end(self):
        """Learn that an entry is complete; another one follows if anything does."""
        if self.unclaimed:
            self.expect_field(_CERTIFICATE_LENGTH, 3)
