"""tlscore's DTLS as a stack of secure_sock; see docs/sockets.md for what a stack is.

A slot's room is its mailbox. One buffer for a datagram serves all slots, and what a handshake needs
is allocated when it begins and given up when it is over (tlscore/dtls).
"""

from tlscore.codepoints import TLS_1_2, TLS_1_3
from tlscore.config_checks import require
from tlscore.sockets.datagram_session import DatagramListener, DatagramSession, Mailbox
from tlscore.sockets.ticks import Ticks
from tlscore.sockets.values import client_values, server_values


class DtlsStack:
    """DTLS 1.2, or DTLS 1.3 where it is asked for; both on one port are out of scope.

    Args:
        entropy, clock: as for a configuration, see config.py.
        version: of the TLS it is made of: codepoints.TLS_1_2 or TLS_1_3.
        now_ms: function that returns milliseconds that only grow; ticks.Ticks() by default.
        datagram_bytes: the largest datagram that can be received.
        mailbox_bytes: for data of each session that has not been read; 2 more for each datagram.
        ticket_bytes_max: the longest ticket a client keeps to resume with; 0: none.
        resumes: what a server's sessions are kept with: tickets.TicketKeys, or for DTLS 1.2 a
            tls12.session_cache.SessionCache; or None.

    Raises:
        UsageError: "config.versions": there is no such DTLS; "config.sessions" of `listen`: in
            DTLS 1.3 there are no session ids.
    """

    is_datagram = True

    def __init__(
        self,
        entropy,
        clock,
        *,
        version=TLS_1_2,
        now_ms=None,
        datagram_bytes=1500,
        mailbox_bytes=1024,
        ticket_bytes_max=512,
        resumes=None,
    ):
        require(version in (TLS_1_2, TLS_1_3), "config.versions")
        self._is_new = version == TLS_1_3
        self._entropy = entropy
        self._clock = clock
        self._now_ms = Ticks() if now_ms is None else now_ms
        self._scratch = bytearray(datagram_bytes)
        self._mailbox_bytes = mailbox_bytes
        self._ticket_bytes = 0 if clock is None else ticket_bytes_max  # they have ages
        self._resumes = resumes

    def new_room(self):
        """Return what a slot allocates once."""
        return Mailbox(self._mailbox_bytes)

    def connect(self, room, transport, credentials, tag, name, address, resume, options):
        """Begin a session as a client; see tls_stack.TlsStack.connect."""
        if self._is_new:  # servers and the other version are not loaded
            from tlscore.dtls13 import client, config  # noqa: PLC0415
        else:
            from tlscore.dtls import client, config  # noqa: PLC0415
        values = self._values(options)
        trust = client_values(values, credentials, tag, name)
        values["session"] = resume
        values["ticket_bytes_max"] = self._ticket_bytes
        told = config.ClientConfig(self._entropy, self._clock, trust, name, **values)
        connection = client.ClientConnection(told)
        return DatagramSession(connection, transport, address, room, self._scratch)

    def listen(self, rooms, transport, credentials, tag, options):
        """Return a DatagramListener for as many sessions as there are rooms."""
        if self._is_new:
            from tlscore.dtls13 import listener, server_config  # noqa: PLC0415
        else:
            from tlscore.dtls import listener, server_config  # noqa: PLC0415
        values = self._values(options)
        server_values(values, credentials, tag, self._clock)
        if "cookie_key" not in values:
            key = bytearray(32)
            self._entropy.fill(key)
            values["cookie_key"] = bytes(key)
        if self._resumes is not None:
            by_id = hasattr(self._resumes, "new_id")
            require(not (by_id and self._is_new), "config.sessions")
            values["sessions" if by_id else "tickets"] = self._resumes
        config = server_config.ServerConfig(self._entropy, **values)
        made = listener.Listener(config, len(rooms))
        return DatagramListener(made, transport, rooms, self._scratch)

    def _values(self, options):
        values = {"now_ms": self._now_ms, "record_buffer_bytes": len(self._scratch)}
        values.update(options)
        return values
