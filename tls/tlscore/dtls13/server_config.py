"""The configuration of DTLS 1.3 servers: that of ../server_config.py, and what datagrams have."""

from tlscore import server_config
from tlscore.dtls13.config import Options


class ServerConfig(Options, server_config.ServerConfig):
    """The configuration of DTLS 1.3 servers.

    Args: as in ../server_config.py, and those of config.Options by keyword.
        cookie_key: 32 random bytes: clients have to show that they receive what is sent to their
            address (listener.py); None to do without.
        send_buffer_bytes: a flight has to fit, without the chain of certificates.
    """

    def __init__(self, entropy, certificates=(), private_key=None, **options):
        self.take_options(options)
        server_config.ServerConfig.__init__(self, entropy, certificates, private_key, **options)
        self.limit_records()
