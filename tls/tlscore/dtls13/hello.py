"""The hellos of DTLS 1.3 (RFC 9147 §5.3, §5.4): those of TLS 1.3 with other version numbers.

A ClientHello has a field for the cookie of older versions, which stays empty; its cookie is an
extension. A ServerHello does not echo a session id. Either may have a connection id (§9, RFC 9146).
"""

from tlscore import client_hello, extensions
from tlscore.compat import const
from tlscore.dtls13.record import LEGACY_VERSION, VERSION
from tlscore.wire import Reader

EXT_CONNECTION_ID = 54

_EXT_SUPPORTED_VERSIONS = const(43)
_EXT_CONNECTION_ID = const(54)
# Header, version and random come before the session id.
_SESSION_ID_AT = const(4 + 2 + 32)


def _put_u16(buffer, at, value):
    buffer[at] = value >> 8
    buffer[at + 1] = value & 0xFF


def _add_to_length(buffer, start, added):
    """Change the length of a message, which is below 2^16."""
    length = (buffer[start + 2] << 8 | buffer[start + 3]) + added
    _put_u16(buffer, start + 2, length)


class ClientHello(client_hello.ClientHello):
    """As in ../client_hello.py."""

    def write(self, writer):
        """Write the message with its header of TLS."""
        start = writer.position
        client_hello.ClientHello.write(self, writer)
        buffer = writer.buffer
        _put_u16(buffer, start + 4, LEGACY_VERSION)
        # legacy_cookie is between session id and suites.
        at = start + _SESSION_ID_AT + 1 + len(self.session_id)
        moved = bytes(buffer[at : writer.position])
        writer.u8(0)
        writer.position = at
        writer.u8(0)
        writer.raw(moved)
        _add_to_length(buffer, start, 1)

    def _write_extensions(self, writer):
        self._write_common_extensions(writer)
        mark = self._begin(writer, _EXT_SUPPORTED_VERSIONS)
        writer.u8(2)
        writer.u16(VERSION)
        writer.close(mark, 2)
        own = self.config.connection_id
        if own is not None:  # RFC 9146 §3
            mark = self._begin(writer, _EXT_CONNECTION_ID)
            writer.vector8(own)
            writer.close(mark, 2)
        self._write_key_extensions(writer)


def finish_server_hello(writer, start, connection_id):
    """Make a ServerHello or HelloRetryRequest of TLS 1.3 one of DTLS 1.3.

    Args:
        writer: Writer that stands behind it.
        start: where its header begins.
        connection_id: what the client is to say, None for no such extension.
    """
    buffer = writer.buffer
    _put_u16(buffer, start + 4, LEGACY_VERSION)
    block_at = start + _SESSION_ID_AT + 1 + buffer[start + _SESSION_ID_AT] + 3
    block = Reader(buffer, "server_hello", block_at + 2, writer.position)
    version = extensions.find(block, _EXT_SUPPORTED_VERSIONS)
    _put_u16(buffer, version.position, VERSION)
    if connection_id is not None:
        writer.u16(_EXT_CONNECTION_ID)
        writer.u16(1 + len(connection_id))
        writer.vector8(connection_id)
        _add_to_length(buffer, start, 5 + len(connection_id))
        _put_u16(buffer, block_at, writer.position - block_at - 2)


def is_retry(message, random) -> bool:
    """Tell whether a ServerHello with its header has that random."""
    return bytes(message[6:38]) == random


def connection_id_of(block):
    """Return the connection id in an extension block (a Reader), None if there is none."""
    content = extensions.find(block, _EXT_CONNECTION_ID)
    if content is None:
        return None
    said = bytes(content.vector8().rest())
    content.finish()
    return said


def server_extensions(body):
    """Return a Reader over the extensions of a ServerHello."""
    reader = Reader(body, "server_hello", 34)
    reader.vector8()
    reader.take(3)
    return reader.vector16() if reader.remaining() else reader


def client_extensions(body):
    """Return a Reader over the extensions of a ClientHello."""
    reader = Reader(body, "client_hello", 34)
    reader.vector8()
    reader.vector8()
    reader.vector16()
    reader.vector8()
    return reader.vector16() if reader.remaining() else reader
