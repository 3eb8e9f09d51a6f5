"""TLS jobs of the board: one connection from ClientHello to close_notify, told as a result.

`client` drives a `ClientConnection` of tlscore over the link: it moves the bytes, echoes payloads,
closes, and reports what the board saw, measured on the way. Everything it needs comes in
`options` (seed and time included, so that a run can be repeated); everything it learned goes into
the result, a refused or broken connection too: only a fault of the job itself is an exception.

Only the calls into tlscore are compute segments; moving bytes over the link and waiting for them
are not. Runs on MicroPython and CPython. What it does not do: judge (the host's oracle does).
"""

from hil_marks import Marks

from tlscore.client import ClientConnection
from tlscore.clock import FixedClock
from tlscore.config import ClientConfig
from tlscore.connection import READ, WRITE
from tlscore.entropy import HmacDrbg
from tlscore.errors import AlertReceived, PeerMisbehaved, TlsError
from tlscore.record import RECORD_OVERHEAD_BYTES
from tlscore.trust import TrustAnchors

# What is read from the link at a time: less than a record, so that records arrive in pieces.
_PIECE_BYTES = 512
# Echoed payloads are made, sent and compared in pieces of this size, whatever their length.
_ECHO_PIECE_BYTES = 1000

# One before the handshake, up to nine in it, then "connected" and "closed".
_CHECKPOINTS = 12

_EXPORTER_LABEL = b"EXPORTER-hil"
_EXPORTER_BYTES = 32


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
            `server_name`, `alpn`, `suites`, `groups`, `key_shares` (tuples of code points),
            `max_record_bytes` (of plaintext, that may be received), `echo` (payload sizes),
            `timeout_ms` (longest silence of the link).

    Returns:
        dict: `connected`, `reason` (None after an orderly close), `alert_sent`,
        `alert_received`, `close_sent`, `close_received`, `version`, `suite`, `group`,
        `signature`, `alpn`, `signatures_verified`, `exporter`, `echo` (list of size and whether
        the payload came back whole), `marks` (at the end of the handshake, or of its attempt).
    """
    session = _Session(link, options)
    try:
        session.handshake()
        for size in options["echo"]:
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


def payload_byte(position):
    """Return the byte at `position` of every echoed payload; never a letter."""
    return 0x80 | ((position * 37 + position // 127) & 0x7F)


class _Session:
    """One connection, the bytes that wait for it, and the result as far as it is known."""

    def __init__(self, link, options):
        self._link = link
        self._options = options
        self._piece = memoryview(bytearray(_PIECE_BYTES))
        self._start = 0
        self._end = 0
        self._connection = None
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
        }

    def handshake(self):
        """Construct the connection and move bytes until it is connected."""
        marks = self._marks
        marks.checkpoint("start")
        marks.enter()
        self._connection = ClientConnection(_config(self._options, marks.checkpoint))
        marks.leave()
        while not self._connection.wants & WRITE:
            self._step()
        self._marks_at_handshake = marks.report()
        self.result["connected"] = True
        self.result["exporter"] = self._connection.export(_EXPORTER_LABEL, b"", _EXPORTER_BYTES)
        self.send_pending()
        marks.checkpoint("connected")

    def echo(self, size):
        """Send a payload of `size` bytes and take it back."""
        piece = memoryview(bytearray(min(size, _ECHO_PIECE_BYTES)))
        done = 0
        while done < size:
            count = min(size - done, len(piece))
            for i in range(count):
                piece[i] = payload_byte(done + i)
            self._write_all(piece[:count])
            done += count
        whole = True
        done = 0
        while done < size:
            while not self._connection.wants & READ:
                self._step()
            count = self._compute(self._connection.read_into, piece[: size - done])
            for i in range(count):
                whole = whole and piece[i] == payload_byte(done + i)
            done += count
        self.result["echo"].append((size, whole))
        self._marks.checkpoint("echo")

    def _write_all(self, data):
        done = 0
        while done < len(data):
            done += self._compute(self._connection.write, data[done:])
            self.send_pending()

    def close(self):
        """Say close_notify and wait for the peer's."""
        self._connection.close()
        self.send_pending()
        self.result["close_sent"] = True
        while not self._connection.peer_closed:
            if self._connection.wants & READ:
                raise GaveUpError("echo.surplus")
            self._step()
        self.result["close_received"] = True
        self._marks.checkpoint("closed")

    def finish(self):
        """Return the result, completed with what the connection knows."""
        result = self.result
        connection = self._connection
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
            out = self._connection.to_send()
            if not len(out):
                return
            count = self._link.write(out)
            self._connection.sent(count)
            if not count:
                self._link.wait(1)  # the link is full: a millisecond later it may not be

    def _step(self):
        """Send what is pending, then give the connection what has come; wait if nothing has."""
        self.send_pending()
        if self._start == self._end:
            self._start = 0
            self._end = self._link.readinto(self._piece)
            while self._end is None:
                if not self._link.wait(self._options["timeout_ms"]):
                    raise GaveUpError("link.silent")
                self._end = self._link.readinto(self._piece)
            if not self._end:
                raise GaveUpError("link.ended")
        piece = self._piece[self._start : self._end]
        self._start += self._compute(self._connection.receive, piece)

    def _compute(self, call, argument):
        self._marks.enter()
        try:
            return call(argument)
        finally:
            self._marks.leave()


def _config(options, checkpoint):
    return ClientConfig(
        entropy=HmacDrbg(options["seed"]),
        clock=FixedClock(options["utc_seconds"]),
        trust=TrustAnchors(options["anchors"]),
        server_name=options["server_name"],
        alpn=options["alpn"],
        suites=options["suites"],
        groups=options["groups"],
        key_share_groups=options["key_shares"],
        record_buffer_bytes=options["max_record_bytes"] + RECORD_OVERHEAD_BYTES,
        checkpoint=checkpoint,
    )
