"""The configuration of DTLS servers: that of ../tls12/server_config.py, and what datagrams have."""

from tlscore.codepoints import TLS_1_2
from tlscore.compat import const
from tlscore.config_checks import check_certificate_types, check_public_key_info
from tlscore.dtls.config import DatagramOptions, split_options
from tlscore.tls12 import server_config

_X509 = const(0)


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
        types = options.pop("certificate_types", (_X509,))
        client_types = options.pop("client_certificate_types", (_X509,))
        raw = options.get("public_key_info")
        check_certificate_types(types)
        check_certificate_types(client_types)
        if tuple(types) != (_X509,):
            check_public_key_info(raw)
            # One that has nothing else shows it in place of a chain.
            certificates = (raw,) if _X509 not in types else certificates
        server_config.ServerConfig.__init__(
            self, entropy, certificates, private_key, versions=(TLS_1_2,), **options
        )
        self.certificate_types = types
        self.client_certificate_types = client_types
        self.limit_records()

    @property
    def asks_in_tls12(self) -> bool:
        """Whether clients are asked for a certificate or a raw public key."""
        return self.trust is not None
