"""The ClientHello of DTLS 1.2: that of ../tls12/client_hello.py with a cookie (RFC 6347 §4.2.1)."""

from tlscore.compat import const
from tlscore.tls12 import client_hello

_EXT_CONNECTION_ID = const(54)


class ClientHello(client_hello.ClientHello):
    """As in ../tls12/client_hello.py.

    Attributes:
        verify_cookie: of a HelloVerifyRequest, b"" before there is one.
    """

    verify_cookie = b""

    def _write_cookie(self, writer):
        writer.vector8(self.verify_cookie)

    def _write_extensions(self, writer):
        client_hello.ClientHello._write_extensions(self, writer)
        own = self.config.connection_id
        if own is not None:  # RFC 9146 §3
            mark = self._begin(writer, _EXT_CONNECTION_ID)
            writer.vector8(own)
            writer.close(mark, 2)
