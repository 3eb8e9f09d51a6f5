"""The configuration of DTLS clients: that of ../tls12/config.py, and what datagrams have."""

from tlscore.codepoints import TLS_1_2
from tlscore.compat import const
from tlscore.config_checks import check_certificate_types, require
from tlscore.dtls.connection import DATAGRAM_BYTES_MIN
from tlscore.dtls.record import RECORD_OVERHEAD_BYTES
from tlscore.tls12 import config

_DATAGRAM_BYTES_MAX = const(16384)
_CONNECTION_ID_BYTES_MAX = const(255)
_X509 = const(0)
_COOKIE_BYTES = const(32)  # as long as servers make them
_VERSIONS = (TLS_1_2,)


class DatagramOptions:
    """What clients and servers of DTLS are told beside what those of TLS are.

    Args:
        now_ms: function that returns milliseconds that only grow, timers.Ticks() for one.
        datagram_bytes: the largest datagram to send. What a path carries for certain: 1,200 is safe
            with IPv6 everywhere; less where links cut datagrams up.
        record_buffer_bytes: the largest datagram that can be received; peers that know
            record_size_limit are told.
        held_bytes: for fragments that come before their turn.
        retransmission_ms, retransmission_ms_max: the first time-out of a flight and the longest,
            to which it doubles (RFC 6347 §4.2.4.1: 1 s and 60 s). A link that loses much and is
            not congested wants a lower limit.
        handshake_ms_max: how long a handshake may take.
        connection_id: what the peer's records are to say (RFC 9146), b"" if only ours are to say
            what the peer wants, None to do without.
        plain_alerts: believe fatal alerts in the clear, so that a handshake that a peer refuses is
            over at once. Whoever can send datagrams in the peer's name can then end a handshake, as
            it never can a session.
    """

    def set_datagram_options(
        self,
        now_ms=None,
        datagram_bytes=1200,
        held_bytes=1024,
        retransmission_ms=1000,
        retransmission_ms_max=60000,
        handshake_ms_max=300000,
        connection_id=None,
        plain_alerts=False,
    ):
        """Keep and check the options; see the class."""
        require(now_ms is not None, "config.no_timer")
        require(
            DATAGRAM_BYTES_MIN <= datagram_bytes <= _DATAGRAM_BYTES_MAX, "config.datagram_bytes"
        )
        require(held_bytes >= 0, "config.held_bytes")
        require(0 < retransmission_ms <= retransmission_ms_max, "config.retransmission_ms")
        require(handshake_ms_max > 0, "config.handshake_ms_max")
        if connection_id is not None:
            require(len(connection_id) <= _CONNECTION_ID_BYTES_MAX, "config.connection_id")
        self.now_ms = now_ms
        self.datagram_bytes = datagram_bytes
        self.held_bytes = held_bytes
        self.retransmission_ms = retransmission_ms
        self.retransmission_ms_max = retransmission_ms_max
        self.handshake_ms_max = handshake_ms_max
        self.connection_id = connection_id
        self.plain_alerts = plain_alerts

    def limit_records(self):
        """Reckon what a peer is told about the size of its records (RFC 8449)."""
        room = self.record_buffer_bytes - RECORD_OVERHEAD_BYTES - len(self.connection_id or b"")
        self.record_size_limit = config.record_size_limit(room + config.RECORD_OVERHEAD_BYTES)


_OPTIONS = (
    "now_ms",
    "datagram_bytes",
    "held_bytes",
    "retransmission_ms",
    "retransmission_ms_max",
    "handshake_ms_max",
    "connection_id",
    "plain_alerts",
)


def split_options(options) -> dict:
    """Take the options of datagrams out of a dict of options; return them."""
    return {name: options.pop(name) for name in _OPTIONS if name in options}


class ClientConfig(DatagramOptions, config.ClientConfig):
    """The configuration of DTLS clients.

    Args: as in ../tls12/config.py but for `versions`, and those of DatagramOptions by keyword.
    """

    def __init__(self, entropy, clock, trust, server_name, **options):
        self.set_datagram_options(**split_options(options))
        options.setdefault("record_buffer_bytes", 1500)
        types = options.pop("certificate_types", (_X509,))
        check_certificate_types(types)
        config.ClientConfig.__init__(
            self, entropy, clock, trust, server_name, versions=_VERSIONS, **options
        )
        self.certificate_types = types
        self.limit_records()
        # What does not fit is dropped: without room for one there would be nothing but silence.
        require(self.cookie_bytes_max >= _COOKIE_BYTES, "config.send_buffer_bytes")
