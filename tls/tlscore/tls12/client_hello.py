"""The ClientHello of a client that offers TLS 1.2, alone or beside TLS 1.3 (RFC 8446 appendix D.1).

One message for both: the extensions of TLS 1.3 go along where that is offered, and what is only for
TLS 1.2 does no harm there. Not here: which suites there are (config.py).
"""

from tlscore import client_hello
from tlscore.compat import const

# See codepoints.py: copies that cost nothing on a board.
_TLS_1_2 = const(0x0303)
_TLS_1_3 = const(0x0304)
_EXT_POINT_FORMATS = const(11)
_EXT_EXTENDED_MASTER_SECRET = const(23)
_EXT_SESSION_TICKET = const(35)
_EXT_SUPPORTED_VERSIONS = const(43)
_EXT_RENEGOTIATION_INFO = const(0xFF01)
_FALLBACK_SCSV = const(0x5600)

# What a server of TLS 1.3 must not answer.
ONLY_TLS_1_2 = (11, 23, 35, 0xFF01)


class ClientHello(client_hello.ClientHello):
    """As in ../client_hello.py.

    Attributes:
        session: session.Session of TLS 1.2 to offer, or None.
    """

    session = None

    def suites(self):
        """Return the numbers of the cipher suites to offer."""
        config = self.config
        # RFC 7507 §4: a client that falls back to an older version says so.
        return config.offered_suites + ((_FALLBACK_SCSV,) if config.fallback else ())

    def _write_extensions(self, writer):
        self._write_common_extensions(writer)
        self._write_tls12_extensions(writer)
        if _TLS_1_3 in self.config.versions:
            mark = self._begin(writer, _EXT_SUPPORTED_VERSIONS)
            writer.raw(b"\x04\x03\x04\x03\x03")
            writer.close(mark, 2)
            self._write_key_extensions(writer)

    def _write_tls12_extensions(self, writer):
        config = self.config
        if config.groups:
            # RFC 8422 §5.1.2: the uncompressed format; some servers want to be told.
            writer.close(self._begin_with(writer, _EXT_POINT_FORMATS, b"\x01\x00"), 2)
        writer.close(self._begin_with(writer, _EXT_EXTENDED_MASTER_SECRET, b""), 2)
        # RFC 5746 §3.4: an empty one in an initial handshake.
        writer.close(self._begin_with(writer, _EXT_RENEGOTIATION_INFO, b"\x00"), 2)
        ticket = b"" if self.session is None else self.session.ticket
        if config.ticket_bytes_max or ticket:
            writer.close(self._begin_with(writer, _EXT_SESSION_TICKET, ticket), 2)

    def _begin_with(self, writer, extension, content):
        mark = self._begin(writer, extension)
        writer.raw(content)
        return mark


def bytes_max(config) -> int:
    """Return the size of the largest ClientHello of a configuration."""
    size = client_hello.bytes_max(config) + 2 * len(config.offered_suites) + 2
    size += 6 + 4 + 5 + 4 + 2
    session = config.session12
    return size + (0 if session is None else len(session.ticket))
