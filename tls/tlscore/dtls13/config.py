"""The configuration of DTLS 1.3 clients: that of ../config.py, and what datagrams have."""

from tlscore import config
from tlscore.config_checks import record_size_limit, require
from tlscore.dtls.config import DatagramOptions, split_options
from tlscore.record import RECORD_OVERHEAD_BYTES


class Options(DatagramOptions):
    """What clients and servers of DTLS 1.3 are told beside what those of TLS are.

    Args: as in ../dtls/config.py, and
        short_numbers: records of data have numbers of eight bits, a byte less, for links that
            neither lose nor reorder a hundred datagrams in a row.
    """

    def take_options(self, options):
        """Take what is for datagrams out of a dict of options; give the others their defaults."""
        self.short_numbers = options.pop("short_numbers", False)
        self.set_datagram_options(**split_options(options))
        options.setdefault("record_buffer_bytes", 1500)

    def limit_records(self):
        """Reckon what a peer is told about the size of its records (RFC 8449)."""
        room = self.record_buffer_bytes - len(self.connection_id or b"")
        require(room > RECORD_OVERHEAD_BYTES, "config.record_buffer_bytes")
        self.record_size_limit = record_size_limit(room)


class ClientConfig(Options, config.ClientConfig):
    """The configuration of DTLS 1.3 clients.

    Args: as in ../config.py but for `middlebox_compatibility`, and those of Options by keyword.
    """

    def __init__(self, entropy, clock, trust, server_name, **options):
        self.take_options(options)
        config.ClientConfig.__init__(
            self, entropy, clock, trust, server_name, middlebox_compatibility=False, **options
        )
        # legacy_cookie and connection_id have room before a cookie has.
        self.cookie_bytes_max -= 1 + 5 + len(self.connection_id or b"")
        require(self.cookie_bytes_max >= 0, "config.send_buffer_bytes")
        self.limit_records()
