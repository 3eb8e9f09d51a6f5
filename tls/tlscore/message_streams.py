"""The parser of Certificate, which may be longer than a board's memory and is never held.

It hands the certificates of a chain on to the chain verifier piece by piece. It takes any split of
the message, down to single bytes, and raises PeerMisbehaved and nothing else (the verifier's
refusals are PeerMisbehaved as well).
"""

from tlscore import extensions
from tlscore.compat import const
from tlscore.errors import illegal
from tlscore.extension_stream import ExtensionSkipper
from tlscore.wire import decode_error

# See codepoints.py: copies that cost nothing on a board.

# The longest Certificate message: OpenSSL's SSL_MAX_CERT_LIST_DEFAULT, 100 KB.
_CERTIFICATE_LIMIT = const(102400)

# What the next integer or stretch is; 0 to 3 are the steps of an extension block.
_BLOCK_LENGTH = const(0)
_CONTEXT_LENGTH = const(4)
_LIST_LENGTH = const(5)
_CERTIFICATE_LENGTH = const(6)
_CERTIFICATE_DATA = const(7)


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

    message = extensions.IN_CERTIFICATE
    _may_be_empty = False

    def __init__(self, length, verifier, offered, may_be_empty=False):
        ExtensionSkipper.__init__(self, length, "certificate_message", offered)
        if length > _CERTIFICATE_LIMIT:
            raise illegal("certificate_message.too_long")
        self._verifier = verifier
        if may_be_empty:
            self._may_be_empty = True
        self.expect_field(_CONTEXT_LENGTH, 1)

    def on_field(self, step, value):
        """Take one of the lengths of the message."""
        if step == _CONTEXT_LENGTH:
            # "in the case of server authentication, this field SHALL be zero length"; during the
            # handshake a client's is as well, because the request's is (§4.3.2).
            if value:
                raise illegal("certificate_message.context")
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
