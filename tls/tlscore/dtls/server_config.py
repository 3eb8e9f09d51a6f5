"""The configuration of DTLS servers: that of ../tls12/server_config.py, and what datagrams have."""

from tlscore.codepoints import TLS_1_2
from tlscore.dtls.config import DatagramOptions, split_options
from tlscore.tls12 import server_config


class ServerConfig(DatagramOptions, server_config.ServerConfig):
    """The configuration of DTLS servers.

    Args: as in ../tls12/server_config.py but for `versions`, and those of config.DatagramOptions by
        keyword.
        cookie_key: 32 random bytes: clients have to show that they receive what is sent to their
            address (listener.py); None to do without.
        send_buffer_bytes: a flight has to fit, without the chain of certificates.
    """

    def __init__(self, entropy, certificates=(), private_key=None, **options):
        self.set_datagram_options(**split_options(options))
        options.setdefault("record_buffer_bytes", 1500)
        server_config.ServerConfig.__init__(
            self, entropy, certificates, private_key, versions=(TLS_1_2,), **options
        )
        self.limit_records()
