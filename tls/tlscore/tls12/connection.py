"""What both roles have in common in TLS 1.2, beside ../connection.py: the secrets and their use.

`Tls12` is mixed into the connections of both roles. `_master` is None as long as the connection is
not one of TLS 1.2 with keys; `_randoms` are the client's and the server's. Renegotiation is
answered with the warning that RFC 5246 §7.2.2 has for it, and the connection goes on.
"""

from tlscore import patience
from tlscore.compat import const
from tlscore.connection import Connection
from tlscore.crypto import hashes
from tlscore.errors import PeerMisbehaved, UsageError
from tlscore.tls12 import schedule
from tlscore.tls12.record import Outbox, RecordProtection, RecordReceiver
from tlscore.tls12.transcript import Transcript

# See codepoints.py: copies that cost nothing on a board.
_TLS_1_2 = const(0x0303)
_CONNECTED = const(12)
_WARNING = const(1)
_ALERT_CLOSE_NOTIFY = const(0)
_ALERT_HANDSHAKE_FAILURE = const(40)
_ALERT_USER_CANCELED = const(90)
_ALERT_NO_RENEGOTIATION = const(100)
_ALERT_UNRECOGNIZED_NAME = const(112)
# The warnings that do not end a connection. RFC 6066 §3 advises against the last one, "because the
# client's behavior ... is unpredictable": here it is not.
_HARMLESS = (_ALERT_USER_CANCELED, _ALERT_NO_RENEGOTIATION, _ALERT_UNRECOGNIZED_NAME)


class Tls12:
    """The part of a connection of TLS 1.2 that does not depend on its role.

    Attributes:
        extended_master_secret: RFC 7627 was negotiated.
        resumed_by: "ticket" or "session_id" where a session was resumed, or None.
    """

    _receiver_class = RecordReceiver
    _outbox_class = Outbox
    _transcript_class = Transcript
    _master = None
    _randoms = b""
    _protections = None  # key of the client and of the server
    extended_master_secret = False
    resumed_by = None

    def _use_tls12(self, suite, server_random):
        """Learn that the connection is one of TLS 1.2, and with which suite."""
        self.version = _TLS_1_2
        suite.hash = hashes.fastest(suite.hash)
        self._suite = suite
        self._randoms = self._client_random + server_random
        self._receiver.use_tls12()
        self._outbox.use_tls12()

    def _require_extended_master_secret(self, has_it, subject):
        self.extended_master_secret = has_it
        # RFC 7627 §5.2, §5.3: who insists on it "SHOULD abort the handshake"; handshake_failure.
        if not has_it and self._config.extended_master_secret_required:
            reason = subject + ".no_extended_master_secret"
            raise PeerMisbehaved(reason, _ALERT_HANDSHAKE_FAILURE)

    def _derive_master(self, premaster, session_hash):
        """Make the master secret, and all keys of it.

        Args:
            session_hash: of the messages up to and with ClientKeyExchange.
        """
        hash_ = self._suite.hash
        if self.extended_master_secret:
            master = schedule.extended_master_secret(hash_, premaster, session_hash)
        else:
            master = schedule.master_secret(hash_, premaster, self._randoms)
        self._use_master(master)

    def _use_master(self, master):
        suite = self._suite
        self._master = master
        self._log_secret("CLIENT_RANDOM", master)
        client_key, client_salt, server_key, server_salt = schedule.keys(
            suite, master, self._randoms
        )
        self._protections = ((client_key, client_salt), (server_key, server_salt))

    def _protection(self, of_server):
        """Return the RecordProtection of one side; each is made when it is first needed."""
        key, salt = self._protections[of_server]
        return RecordProtection(self._suite, key, salt)

    def _verify_data(self, label, digest):
        return schedule.finished_verify_data(self._suite.hash, self._master, label, digest)

    def export(self, label, context, length) -> bytes:
        """Return keying material for use outside TLS (RFC 8446 §7.5, RFC 5705).

        Args: as in ../connection.py, but in TLS 1.2 a context of no bytes is not the same as
            none, which is None.

        Raises:
            UsageError: "connection.no_exporter" without the extended master secret (RFC 7627
                §5.4: a connection without it cannot vouch for what it exports); and as there.
        """
        if self._master is None:
            return Connection.export(self, label, context, length)
        if self.state != _CONNECTED:
            raise UsageError("connection.not_connected")
        if not self.extended_master_secret:
            raise UsageError("connection.no_exporter")
        return schedule.exported_keying_material(
            self._suite.hash, self._master, self._randoms, label, context, length
        )

    def update_keys(self, request_peer=False):
        """As in ../connection.py.

        Raises:
            UsageError: "connection.no_key_update" in TLS 1.2; and as there.
        """
        if self.version == _TLS_1_2:
            raise UsageError("connection.no_key_update")
        Connection.update_keys(self, request_peer)

    def _on_alert(self, content):
        # RFC 5246 §7.2.2: after a warning "the connection can continue normally".
        if len(content) == 2 and content[0] == _WARNING and content[1] in _HARMLESS:
            self._patience.spend(patience.WARNING)
        else:
            Connection._on_alert(self, content)

    def _on_renegotiation(self, _message):
        """Answer HelloRequest, or a ClientHello within a connection."""
        self._patience.spend(patience.WARNING)
        if not self._write_closed:
            self._outbox.queue_alert(_WARNING, _ALERT_NO_RENEGOTIATION)
        return _CONNECTED

    def _forget_keys(self):
        self._forget("_master", "_protections")
