"""The client of DTLS 1.3: that of ../client.py over datagrams."""

from tlscore import messages, psk_offer
from tlscore.client import ClientConnection as Client13
from tlscore.dtls13 import hello, suites
from tlscore.dtls13.connection import Dtls13
from tlscore.dtls13.record import VERSION


class PskOffer(psk_offer.PskOffer):
    """As in ../psk_offer.py; the binders have the labels of DTLS 1.3."""

    def hash_of(self, digest_bytes):
        """Return the row of crypto/hashes.py that secrets are derived by."""
        return suites.Hash(psk_offer.PskOffer.hash_of(self, digest_bytes))


class ClientConnection(Dtls13, Client13):
    """A DTLS client; constructing it allocates what it needs and queues the ClientHello.

    Args:
        config: config.ClientConfig of this package.

    Attributes: as in ../client.py, where `version` is that of TLS; and those of Dtls13.
    """

    def __init__(self, config):
        self._begin_datagrams(config)
        Client13.__init__(self, config)
        self._outbox.short_numbers = config.short_numbers
        self._look_after_flight()

    def _new_hello(self, _session_id, _hello_class):
        # RFC 9147 §5.3: there is no legacy_session_id for middleboxes.
        return Client13._new_hello(self, b"", hello.ClientHello)

    def _new_offer(self):
        return PskOffer(self._config)

    def _read_hello(self, message):
        body = message[messages.HEADER_BYTES :]
        said = messages.parse_server_hello(body, self._hello.offered, VERSION)
        if hello.EXT_CONNECTION_ID in self._hello.offered and not said.is_retry:
            theirs = hello.connection_id_of(hello.server_extensions(body))
            if theirs is not None:
                self._use_ids(theirs, self._config.connection_id)
        return said

    def _check_answer(self, said):
        Client13._check_answer(self, said)
        self._suite = suites.of_tls(self._suite)

    def _end(self, state):
        Client13._end(self, state)
        self._end_datagrams()
