"""The server of DTLS 1.2: that of ../tls12/server.py over datagrams of one client.

Cookies are asked for before there is a connection (listener.py): what is received here begins with
a ClientHello that has shown one, or with any if the configuration wants none.
"""

from tlscore import extensions, server_states
from tlscore.codepoints import TLS_1_2
from tlscore.compat import const
from tlscore.dtls import fragments
from tlscore.dtls.connection import Dtls
from tlscore.dtls.outbox import ChainMessage
from tlscore.errors import PeerMisbehaved
from tlscore.tls12 import client_hello_parser, suites
from tlscore.tls12.server import ServerConnection as Server12
from tlscore.wire import Reader

_CLIENT_HELLO = const(1)
_ALERT_PROTOCOL_VERSION = const(70)
_ALERT_UNSUPPORTED_CERTIFICATE = const(43)
_EXT_CLIENT_CERTIFICATE_TYPE = const(19)
_EXT_SERVER_CERTIFICATE_TYPE = const(20)
_EXT_CONNECTION_ID = const(54)
_X509 = const(0)


def _extensions_of(body):
    """Return a Reader over the extensions of a ClientHello that has been parsed before."""
    reader = Reader(body, "client_hello", 34)
    reader.vector8()
    reader.vector8()
    reader.vector16()
    reader.vector8()
    return reader.vector16() if reader.remaining() else reader


def _types_in(block, extension):
    """Return the CertificateTypes of an extension, None if it is not there."""
    said = extensions.find(block, extension)
    if said is None:
        return None
    types = bytes(said.vector8(1).rest())
    said.finish()
    return types


class ServerConnection(Dtls, Server12):
    """A DTLS server for one client; constructing it allocates what it needs.

    Args:
        config: server_config.ServerConfig of this package.

    Attributes: as in ../tls12/server.py, where `version` is that of TLS; those of Dtls, and
        own_connection_id: what the client's records are to say; None: no connection ids.
    """

    _is_server = True
    _answers_id = _has_begun = False
    own_connection_id = None
    _their_types = _their_own_types = None  # CertificateTypes, as the client lists them
    _shows_raw = _wants_raw = False

    def __init__(self, config):
        self._begin_datagrams(config)
        if config.connection_id is not None:
            self.own_connection_id = config.connection_id
        Server12.__init__(self, config)

    def _adopt(self, piece):
        """Go on with the numbers of the first ClientHello, as RFC 6347 §4.2.1 and §4.2.2 want it.

        Who has asked for a cookie before knows nothing of it any more.
        """
        if self._has_begun or self.state != server_states.WAIT_CLIENT_HELLO:
            return
        if piece[0] == _CLIENT_HELLO:
            self._has_begun = True
            self._next = self._answers_from = fragments.number_of(piece)
            self._outbox.next_message = self._next
            self._outbox.sequence = self._record_number

    def _version_of(self, body):
        # RFC 6347 §4.2.1: versions are ones' complements: a smaller number is a newer version.
        if len(body) < 2 or body[0] != 0xFE or body[1] > 0xFD:
            raise PeerMisbehaved("client_hello.version_not_supported", _ALERT_PROTOCOL_VERSION)
        return TLS_1_2

    def _parsed(self, body):
        hello = client_hello_parser.parse(body, has_cookie=True)
        block = _extensions_of(body)
        said = extensions.find(block, _EXT_CONNECTION_ID)
        if said is not None and self.own_connection_id is not None:
            self._send_id = bytes(said.vector8().rest())
            said.finish()
            self._receive_id = self.own_connection_id
            self._answers_id = True
        self._their_types = _types_in(block, _EXT_SERVER_CERTIFICATE_TYPE)
        self._their_own_types = _types_in(block, _EXT_CLIENT_CERTIFICATE_TYPE)
        return hello

    def _more_answers(self):
        found = []
        if self._answers_id:
            own = self.own_connection_id
            found.append((_EXT_CONNECTION_ID, bytes((len(own),)) + own))
        if not self.resumed and not self._suite.bits & suites.KEY:
            config = self._config
            kind = self._agreed(config.certificate_types, self._their_types)
            self._shows_raw = kind != _X509
            if self._their_types is not None:
                found.append((_EXT_SERVER_CERTIFICATE_TYPE, bytes((kind,))))
            if self._asks:
                kind = self._agreed(config.client_certificate_types, self._their_own_types)
                self._wants_raw = kind != _X509
                if self._their_own_types is not None:
                    found.append((_EXT_CLIENT_CERTIFICATE_TYPE, bytes((kind,))))
        return found

    def _agreed(self, ours, theirs):
        """Return the CertificateType of one side (RFC 7250 §4.2)."""
        for kind in ours:
            if kind in ((_X509,) if theirs is None else theirs):
                return kind
        reason = "client_hello.no_common_certificate_type"
        raise PeerMisbehaved(reason, _ALERT_UNSUPPORTED_CERTIFICATE)

    def _open_certificate(self, length):
        if not self._wants_raw:
            return Server12._open_certificate(self, length)
        from tlscore.dtls.raw_keys import RawClient  # noqa: PLC0415

        self._client = RawClient(self._config, (self._suite.hash, self._transcript.other))
        return self._client.new_parser(length)

    def _queue_certificate(self):
        if self._certificate is None:
            return True
        self._certificate = None
        config, raw = self._config, self._shows_raw
        chain = (config.public_key_info,) if raw else config.certificates
        self._outbox.queue_chain(ChainMessage(chain, raw), self._transcript)
        self._checkpoint("certificate")
        return True

    def _end(self, state):
        Server12._end(self, state)
        self._end_datagrams()
