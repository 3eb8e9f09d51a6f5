"""TLS jobs of the board: one connection from ClientHello to close_notify, told as a result.

`client` and `server` drive a connection of tlscore over the link: they move the bytes, echo
payloads, close, and report what the board saw, measured on the way. In both roles it is the board
that begins an echo. Everything they need comes in `options` (seed and time included, so that a run
can be repeated); everything they learned goes into the result, a refused or broken connection too:
only a fault of the job itself is an exception. Neither imports what only the other one needs.

Only the calls into tlscore are compute segments; moving bytes over the link and waiting for them
are not. Runs on MicroPython and CPython. What it does not do: judge (the host's oracle does).
"""

from hil_agent import pack_imports
from hil_marks import Marks

from tlscore.connection import EVENT_KEY_UPDATE, READ, WRITE
from tlscore.entropy import HmacDrbg
from tlscore.errors import AlertReceived, PeerMisbehaved, TlsError
from tlscore.record import RECORD_OVERHEAD_BYTES

# What is read from the link at a time: less than a record, so that records arrive in pieces.
_PIECE_BYTES = 512
# Echoed payloads are made, sent and compared in pieces of this size, whatever their length.
_ECHO_PIECE_BYTES = 1000

# One before the handshake, up to ten in it, then "connected" and "closed".
_CHECKPOINTS = 13

_SEND_BUFFER_BYTES = 1024
# Message headers, Finished and record overhead around a client's certificates and signature.
_FLIGHT_BYTES_BESIDE = 256

_EXPORTER_LABEL = b"EXPORTER-hil"
_EXPORTER_BYTES = 32


# Sent behind the last echo where the peer has to close first: it may wait but shortly for our
# answer to its close_notify, so it does not say it before we have come so far.
FAREWELL = b"\n"


class GaveUpError(Exception):
    """The job cannot go on, for a reason that is not TLS's: `link.<what>` or `echo.<what>`."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


def client(link, options):
    """Run one connection as a client and return what became of it.

    Args:
        link: the board's end of the link.
        options: dict with `seed` (bytes), `utc_seconds`, `anchors` (list of name hash and key),
            `pins` (of raw public keys, instead of anchors), `identity` (certificates and private
            key of its own, or None), `server_name`, `alpn`, `suites`, `groups`, `key_shares`
            (tuples of code points), `max_record_bytes` (of plaintext, that may be received),
            `echo` (payload sizes), `key_updates` (before how many echoes to send one that asks for
            one), `close_first` (or wait for the peer's close_notify), `timeout_ms` (longest
            silence of the link).

    Returns:
        dict: `connected`, `reason` (None after an orderly close), `alert_sent`,
        `alert_received`, `close_sent`, `close_received`, `version`, `suite`, `group`,
        `signature`, `alpn`, `signatures_verified`, `exporter`, `echo` (list of size and whether
        the payload came back whole), `key_updates_sent`, `key_updates_received`, `marks` (at the
        end of the handshake, or of its attempt).
    """
    pack_imports(True)
    from tlscore import codepoints  # noqa: PLC0415
    from tlscore.certificate_verify import signature_bytes_max  # noqa: PLC0415
    from tlscore.client import ClientConnection  # noqa: PLC0415
    from tlscore.config import ClientConfig  # noqa: PLC0415

    pack_imports(False)
    certificates, private_key = options["identity"] or ((), None)
    send_buffer_bytes = _SEND_BUFFER_BYTES
    if certificates:  # a client's own flight goes through the send buffer at once
        flight_bytes = sum([len(certificate) + 5 for certificate in certificates])
        flight_bytes += signature_bytes_max(private_key) + _FLIGHT_BYTES_BESIDE
        send_buffer_bytes = max(send_buffer_bytes, flight_bytes)
    kind = codepoints.CERTIFICATE_RAW_PUBLIC_KEY if options["pins"] else codepoints.CERTIFICATE_X509

    def connect(checkpoint):
        clock, trust = _judgement(options)
        return ClientConnection(
            ClientConfig(
                entropy=HmacDrbg(options["seed"]),
                clock=clock,
                trust=trust,
                server_name=options["server_name"],
                alpn=options["alpn"],
                suites=options["suites"],
                groups=options["groups"],
                key_share_groups=options["key_shares"],
                certificates=certificates,
                private_key=private_key,
                certificate_types=(kind,),
                record_buffer_bytes=options["max_record_bytes"] + RECORD_OVERHEAD_BYTES,
                send_buffer_bytes=send_buffer_bytes,
                checkpoint=checkpoint,
            )
        )

    return _run(_Session(link, options), connect)


def server(link, options):
    """Run one connection as a server and return what became of it.

    Args:
        link: the board's end of the link.
        options: as for `client`; `identity` is a must, with `anchors` it demands a certificate of
            the client; `key_shares`, `pins` and `server_name` mean nothing.

    Returns:
        dict: as of `client`, and `hello_retries`, how many HelloRetryRequests were sent.
    """
    pack_imports(True)
    from tlscore.server import ServerConnection  # noqa: PLC0415
    from tlscore.server_config import ServerConfig  # noqa: PLC0415

    pack_imports(False)
    certificates, private_key = options["identity"]

    def accept(checkpoint):
        clock, trust = _judgement(options) if options["anchors"] else (None, None)
        return ServerConnection(
            ServerConfig(
                entropy=HmacDrbg(options["seed"]),
                certificates=certificates,
                private_key=private_key,
                clock=clock,
                trust=trust,
                alpn=options["alpn"],
                suites=options["suites"],
                groups=options["groups"],
                record_buffer_bytes=options["max_record_bytes"] + RECORD_OVERHEAD_BYTES,
                send_buffer_bytes=_SEND_BUFFER_BYTES,
                checkpoint=checkpoint,
            )
        )

    session = _Session(link, options)
    result = _run(session, accept)
    result["hello_retries"] = int(session.connection is not None and session.connection.retried)
    return result


def _judgement(options):
    """Return the clock and the trust by which the peer's certificates are judged."""
    from tlscore.clock import FixedClock  # noqa: PLC0415
    from tlscore.trust import PinnedKeys, TrustAnchors  # noqa: PLC0415

    pins = options["pins"]
    return (
        FixedClock(options["utc_seconds"]),
        PinnedKeys(pins) if pins else TrustAnchors(options["anchors"]),
    )


def _run(session, connect):
    """Go through handshake, echoes and close, and return the result."""
    try:
        session.handshake(connect)
        for size in session.options["echo"]:
            session.echo(size)
        session.close()
    except AlertReceived as error:
        session.result["reason"] = error.reason
        session.result["alert_received"] = error.alert
    except PeerMisbehaved as error:
        session.result["reason"] = error.reason
        session.send_pending()  # the alert
        session.result["alert_sent"] = error.alert
    except (TlsError, GaveUpError) as error:
        session.result["reason"] = error.reason
    return session.finish()


def payload_byte(position, size):
    """Return the byte at `position` of an echoed payload: never a letter, at last a newline."""
    if position == size - 1:
        return 0x0A
    return 0x80 | ((position * 37 + position // 127) & 0x7F)


class _Session:
    """One connection, the bytes that wait for it, and the result as far as it is known."""

    def __init__(self, link, options):
        self._link = link
        self.options = options
        self._piece = memoryview(bytearray(_PIECE_BYTES))
        self._start = 0
        self._end = 0
        self.connection = None
        self._marks = Marks(_CHECKPOINTS + len(options["echo"]))
        self._marks_at_handshake = None
        self.result = {
            "connected": False,
            "reason": None,
            "alert_sent": None,
            "alert_received": None,
            "close_sent": False,
            "close_received": False,
            "exporter": None,
            "echo": [],
            "key_updates_sent": 0,
            "key_updates_received": 0,
        }

    def handshake(self, connect):
        """Construct the connection and move bytes until it is connected."""
        marks = self._marks
        marks.checkpoint("start")
        marks.enter()
        self.connection = connect(marks.checkpoint)
        marks.leave()
        while not self.connection.wants & WRITE:
            self._step()
        self._marks_at_handshake = marks.report()
        self.result["connected"] = True
        self.result["exporter"] = self.connection.export(_EXPORTER_LABEL, b"", _EXPORTER_BYTES)
        self.send_pending()
        marks.checkpoint("connected")

    def echo(self, size):
        """Send a payload of `size` bytes and take it back."""
        self._update_key()
        piece = memoryview(bytearray(min(size, _ECHO_PIECE_BYTES)))
        done = 0
        while done < size:
            count = min(size - done, len(piece))
            for i in range(count):
                piece[i] = payload_byte(done + i, size)
            self._write_all(piece[:count])
            done += count
        whole = True
        done = 0
        while done < size:
            while not self.connection.wants & READ:
                self._step()
            count = self._compute(self.connection.read_into, piece[: size - done])
            for i in range(count):
                whole = whole and piece[i] == payload_byte(done + i, size)
            done += count
        self._note_events()
        self.result["echo"].append((size, whole))
        self._marks.checkpoint("echo")

    def _write_all(self, data):
        done = 0
        while done < len(data):
            done += self._compute(self.connection.write, data[done:])
            self.send_pending()

    def _update_key(self):
        """Change the sending key and ask for the same, as often as the options say."""
        if self.result["key_updates_sent"] < self.options["key_updates"]:
            self.connection.update_keys(True)
            self.result["key_updates_sent"] += 1

    def _note_events(self):
        # RFC 8446 §4.6.3: the peer answers with its next data at the latest: with the echo.
        event = self.connection.next_event()
        while event is not None:
            if event[0] == EVENT_KEY_UPDATE:
                self.result["key_updates_received"] += 1
            event = self.connection.next_event()

    def close(self):
        """Say close_notify and wait for the peer's, in the order that suits the peer."""
        if self.options["close_first"]:
            self._say_close()
        else:
            self._write_all(FAREWELL)
        while not self.connection.peer_closed:
            if self.connection.wants & READ:
                raise GaveUpError("echo.surplus")
            self._step()
        self.result["close_received"] = True
        if not self.result["close_sent"]:
            self._say_close()
        self._marks.checkpoint("closed")

    def _say_close(self):
        self.connection.close()
        self.send_pending()
        self.result["close_sent"] = True

    def finish(self):
        """Return the result, completed with what the connection knows."""
        result = self.result
        connection = self.connection
        if connection is not None:
            result["version"] = connection.version
            result["suite"] = connection.suite
            result["group"] = connection.group
            result["signature"] = connection.signature_scheme
            result["alpn"] = connection.alpn
            result["signatures_verified"] = connection.signatures_verified
        result["marks"] = self._marks_at_handshake or self._marks.report()
        result["marks"]["checkpoints"] = self._marks.report()["checkpoints"]
        return result

    def send_pending(self):
        """Hand everything the connection has to send to the link."""
        while True:
            out = self.connection.to_send()
            if not len(out):
                return
            count = self._link.write(out)
            self._compute(self.connection.sent, count)  # a server goes on with its flight here
            if not count:
                self._link.wait(1)  # the link is full: a millisecond later it may not be

    def _step(self):
        """Send what is pending, then give the connection what has come; wait if nothing has."""
        self.send_pending()
        if self._start == self._end:
            self._start = 0
            self._end = self._link.readinto(self._piece)
            while self._end is None:
                if not self._link.wait(self.options["timeout_ms"]):
                    raise GaveUpError("link.silent")
                self._end = self._link.readinto(self._piece)
            if not self._end:
                raise GaveUpError("link.ended")
        piece = self._piece[self._start : self._end]
        self._start += self._compute(self.connection.receive, piece)

    def _compute(self, call, argument):
        self._marks.enter()
        try:
            return call(argument)
        finally:
            self._marks.leave()
