"""The ClientHello of DTLS 1.2: that of ../tls12/client_hello.py with a cookie (RFC 6347 §4.2.1)."""

from tlscore.compat import const
from tlscore.tls12 import client_hello

_EXT_CONNECTION_ID = const(54)
# Header, version and random come before the session id.
_SESSION_ID_AT = const(4 + 2 + 32)


class ClientHello(client_hello.ClientHello):
    """As in ../tls12/client_hello.py.

    Attributes:
        verify_cookie: of a HelloVerifyRequest, b"" before there is one.
    """

    verify_cookie = b""

    def write(self, writer):
        """Write the message with its header of TLS."""
        start = writer.position
        client_hello.ClientHello.write(self, writer)
        # The cookie's field is between session id and suites.
        cookie = self.verify_cookie
        at = start + _SESSION_ID_AT + 1 + len(self.session_id)
        end = writer.position
        writer.vector8(cookie)
        moved = bytes(writer.buffer[at:end])
        writer.position = at
        writer.vector8(cookie)
        writer.raw(moved)
        size = writer.position - start - 4
        writer.buffer[start + 2] = size >> 8
        writer.buffer[start + 3] = size & 0xFF

    def _write_extensions(self, writer):
        client_hello.ClientHello._write_extensions(self, writer)
        own = self.config.connection_id
        if own is not None:  # RFC 9146 §3
            mark = self._begin(writer, _EXT_CONNECTION_ID)
            writer.vector8(own)
            writer.close(mark, 2)
