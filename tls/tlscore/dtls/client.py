"""The client of DTLS 1.2: that of ../tls12/client.py, which asks again with a cookie if told to."""

from tlscore import states
from tlscore.compat import const
from tlscore.dtls import client_hello, fragments
from tlscore.dtls.connection import Dtls
from tlscore.dtls.record import VERSION
from tlscore.errors import PeerMisbehaved, illegal
from tlscore.tls12.client import ClientConnection as Client12
from tlscore.wire import Reader

# A server may change the key of its cookies while we ask; nobody does so often.
_VERIFY_REQUESTS_MAX = const(8)
_EXT_CLIENT_CERTIFICATE_TYPE = const(19)
_EXT_SERVER_CERTIFICATE_TYPE = const(20)
_EXT_CONNECTION_ID = const(54)
_X509 = const(0)
_RAW_PUBLIC_KEY = const(2)
_ALERT_UNSUPPORTED_CERTIFICATE = const(43)
# Extensions of a ServerHello that are read here.
_ANSWERS = (_EXT_CLIENT_CERTIFICATE_TYPE, _EXT_SERVER_CERTIFICATE_TYPE, _EXT_CONNECTION_ID)


def _extensions_of(body):
    """Return a Reader over the extensions of a ServerHello."""
    reader = Reader(body, "server_hello", 34)
    reader.vector8()
    reader.take(3)
    return reader.vector16() if reader.remaining() else reader


class ClientConnection(Dtls, Client12):
    """A DTLS client; constructing it allocates what it needs and queues the ClientHello.

    Args:
        config: config.ClientConfig of this package.

    Attributes: as in ../tls12/client.py, where `version` is that of TLS; and those of Dtls.
    """

    _verify_requests = 0
    _taken_answers = ()
    _server_type = _own_type = _X509

    def __init__(self, config):
        self._begin_datagrams(config)
        Client12.__init__(self, config)
        self._look_after_flight()

    def _on_hello_verify_request(self, piece):
        """Send the ClientHello again with a cookie (RFC 6347 §4.2.1)."""
        hello = self._hello
        whole = fragments.length_of(piece) + fragments.HEADER_BYTES == len(piece)
        if self.state != states.WAIT_SERVER_HELLO or self._offset or not whole:
            self.dropped += 1
            return
        reader = Reader(piece, "hello_verify_request", fragments.HEADER_BYTES)
        try:
            reader.u16()  # "the client MUST NOT use [it] for version negotiation"
            cookie = bytes(reader.vector8().rest())
            reader.finish()
        except PeerMisbehaved:
            self.dropped += 1
            return
        if cookie == hello.verify_cookie:
            self._repeats = True
            return
        if self._verify_requests == _VERIFY_REQUESTS_MAX:
            self.dropped += 1
            return
        if len(cookie) > self._config.cookie_bytes_max:
            self.dropped += 1
            return
        self._verify_requests += 1
        hello.verify_cookie = cookie
        # The server's next message follows this one.
        self._next = max(self._next, fragments.number_of(piece) + 1)
        self._outbox.answered = True
        self._hello_message = self._send_hello(VERSION)
        self._look_after_flight()

    def _is_tls12(self, body):
        return len(body) > 2 and body[0] == 0xFE and body[1] == 0xFD

    def _new_hello(self, session_id, hello_class):
        made = Client12._new_hello(self, session_id, hello_class)
        hello = client_hello.ClientHello(self._config, made.random, made.session_id, made.shares)
        hello.session = made.session
        return hello

    def _on_server_hello12(self, message, body):
        """Take what only DTLS answers out of the ServerHello, and have the rest read."""
        block = _extensions_of(body)
        kept = b""
        while block.remaining():
            extension, content = block.u16(), block.vector16()
            said = content.end - content.position
            if extension in self._hello.offered and extension in _ANSWERS:
                self._take_answer(extension, content)
            else:
                kept += bytes(body[content.position - 4 : content.position + said])
        head = bytes(body[: 35 + body[34] + 3])
        length = bytes((len(kept) >> 8, len(kept) & 0xFF))
        state = Client12._on_server_hello12(self, message, memoryview(head + length + kept))
        if self._certificates is not None:
            self._agree_on_types()
        return state

    def _agree_on_types(self):
        """Expect certificates, or raw public keys (RFC 7250 §4.2)."""
        config = self._config
        has_key = config.public_key_info is not None
        own_type_is_known = self._own_type == (_RAW_PUBLIC_KEY if has_key else _X509)
        own_type_is_known = own_type_is_known or self._own_type == _X509
        if self._server_type not in config.certificate_types or not own_type_is_known:
            reason = "server_hello.unoffered_certificate_type"
            raise PeerMisbehaved(reason, _ALERT_UNSUPPORTED_CERTIFICATE)
        if self._server_type != _X509 or self._own_type != _X509:
            from tlscore.dtls.raw_keys import RawAuthentication  # noqa: PLC0415

            self._certificates = RawAuthentication(
                config, self._server_type != _X509, self._own_type != _X509
            )

    def _take_answer(self, extension, content):
        taken = self._taken_answers
        # RFC 5246 §7.4.1.4: "There MUST NOT be more than one extension of the same type."
        if extension in taken:
            raise illegal("server_hello.duplicate_extension")
        self._taken_answers = taken + (extension,)
        if extension == _EXT_SERVER_CERTIFICATE_TYPE:
            self._server_type = content.u8()
        elif extension == _EXT_CLIENT_CERTIFICATE_TYPE:
            self._own_type = content.u8()
        else:
            self._send_id = bytes(content.vector8().rest())
            self._receive_id = self._config.connection_id
        content.finish()

    def _end(self, state):
        Client12._end(self, state)
        self._end_datagrams()
