"""One connection on the board, moved along: bytes over the link, echoes, close, and the result.

A `Conversation` drives a connection of tlscore in either role, in which it does not matter; it is
the board that begins an echo. Only the calls into tlscore are compute segments; moving bytes over
the link and waiting for them are not. How a connection is configured is the jobs' business
(tls_jobs.py). Runs on MicroPython and CPython.

With `reads` in the options the work is the same to the instruction however late or early bytes
come. Then input is handed on in pieces that depend on those numbers alone, and however long the
board waits, it leaves no trace: every wait takes the same steps (a wait, then a read) once or more
often, so that it allocates nothing new and leaves the interpreter's cache of look-ups as it was.
"""

import gc

from hil_marks import Marks, NoMarks

from tlscore.connection import EVENT_KEY_UPDATE, EVENT_TICKET, READ, WRITE
from tlscore.crypto.hashes import SHA256, fastest
from tlscore.errors import AlertReceived, PeerMisbehaved, TlsError

# What is read from the link at a time: less than a record, so that records arrive in pieces.
_PIECE_BYTES = 512
# Room to take an echo back in, beside a piece; and a piece where buffers are to be small.
_READ_BYTES = 256
# RFC 8446 §5.1: type, version, and length of what follows in its last two bytes.
_HEADER_BYTES = 5
# How long the rest of a record may stay away before its beginning is handed on by itself.
_LULL_MS = 250
# Where buffers are to be small garbage is collected when there is so much of it, not when the heap
# is full: what lives long then lies close together, and leaves room for large pieces. Only where
# machine code computes: big integers make more of it in a handshake than there is time to collect.
_GARBAGE_BYTES = 512
# Echoed payloads are made, sent and compared in pieces of this size, whatever their length.
_ECHO_PIECE_BYTES = 1000

# What is asked of the options once there is a connection.
_ASKED_LATER = ("close_first", "echo", "keep_ticket", "key_updates", "reads", "timeout_ms")

# Two before the handshake, up to ten in it, then "connected" and "closed".
_CHECKPOINTS = 14

# What both roles begin with: one makes it, the other waits for it.
_FIRST_PHASE = "client_hello"
# A server's in a handshake with everything, and some to spare.
_PHASES = 18

_TLS_1_2 = 0x0303
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


def payload_byte(position, size):
    """Return the byte at `position` of an echoed payload: never a letter, at last a newline."""
    if position == size - 1:
        return 0x0A
    return 0x80 | ((position * 37 + position // 127) & 0x7F)


def by_message(phases):
    """Return instructions by what they were for: methods stand for the message they deal with."""
    if phases is None:
        return None
    found = {}
    for name in phases:
        plain = name[name.find("_", 1) + 1 :] if name[0] == "_" else name
        found[plain] = found.get(plain, 0) + phases[name]
    return found


class Conversation:
    """One connection, the bytes that wait for it, and the result as far as it is known.

    Args:
        link: the board's end of the link.
        options: as tls_jobs.client has them.

    Attributes:
        options: as above, until the connection is made; then some of them.
        means: what the connection is made of beside the options, until it is.
        connection: the tlscore connection, once it is made.
        entropy: the board's own source of random bytes; None where a seed stands for it.
        connected, reason, alert_sent, alert_received, close_sent, close_received, exporter,
        key_updates_sent, key_updates_received, took_ticket: as tls_jobs.client returns them; what
            is still as below takes no room.
    """

    means = None
    connection = None
    entropy = None
    connected = False
    reason = None
    alert_sent = None
    alert_received = None
    close_sent = False
    close_received = False
    exporter = None
    key_updates_sent = 0
    key_updates_received = 0
    took_ticket = False
    noise = None
    _marks_at_handshake = None
    _in_header = False
    _left = 0  # bytes of the header, or of the record's content, that are still to come
    _length = 0

    def __init__(self, link, options):
        self._link = link
        self.options = options
        # Taken before the heap is in pieces: what an application needs has no part in how large the
        # heap must be for the connection. Its one buffer holds what is to be sent, or a piece of
        # what came from the link and behind it what is to be compared.
        piece = _READ_BYTES if options.get("small_buffers") else _PIECE_BYTES
        most = 2 * _READ_BYTES if options.get("small_buffers") else _ECHO_PIECE_BYTES
        longest = min(max(options["echo"]), most) if options["echo"] else 0
        self._payload = memoryview(bytearray(max(longest, piece + _READ_BYTES)))
        self._piece = self._payload[:piece]
        self._one = bytearray(1)
        self._received = 0
        self._next_read = 0
        if hasattr(gc, "threshold"):  # MicroPython's
            often = options.get("small_buffers") and fastest(SHA256).machine is not None
            gc.threshold(_GARBAGE_BYTES if often else -1)
        link.wait(0)  # whether the link was waited for before makes no difference from here on
        self._start = 0
        self._end = 0
        self._echoes = []
        if options.get("unmeasured"):
            self._marks = NoMarks()
        else:
            room = _CHECKPOINTS + len(options["echo"])
            self._marks = Marks(room, options.get("clock"), _FIRST_PHASE, _PHASES)

    def forget_means(self):
        """Let go of all that only the configuration is made of, wherever it came from."""
        told = self.options
        self.means = None  # MicroPython keeps what stood in a place given up
        del self.means
        self.options = kept = {}
        for name in _ASKED_LATER:
            if name in told:
                kept[name] = told[name]
        told.clear()

    def run(self, connect):
        """Go through handshake, echoes and close, and return the result.

        Args:
            connect: function that makes the connection (of datagrams: or the listener); gets this
                object and the Marks to tell of its progress.
        """
        try:
            noise = self.options.get("noise")
            if noise:
                from tls_noise import source  # noqa: PLC0415 -- not every board needs it

                self.entropy = source(noise[0], noise[1], self.options["seed"])
                self.noise = noise[0]
            self.handshake(connect)
            self.talk()
            self.close()
        except AlertReceived as error:
            self.reason = error.reason
            self.alert_received = error.alert
        except PeerMisbehaved as error:
            self.reason = error.reason
            self.send_pending()  # the alert
            self.alert_sent = error.alert
        except (TlsError, GaveUpError) as error:
            self.reason = error.reason
        return self.finish()

    def handshake(self, connect):
        """Construct the connection and move bytes until it is connected."""
        marks = self._marks
        marks.checkpoint("start")
        marks.enter()
        self.connection = connect(self, marks)
        marks.leave()
        while not self.connection.wants & WRITE:
            self._step()
        noted = marks.report()
        if noted["checkpoints"]:  # what was not measured takes no room
            self._marks_at_handshake = noted
        self.connected = True
        # RFC 7627 §5.4: a connection of TLS 1.2 without extended master secret has no exporter.
        if self.connection.version != _TLS_1_2 or self.connection.extended_master_secret:
            self.exporter = self.connection.export(_EXPORTER_LABEL, None, _EXPORTER_BYTES)
        self.send_pending()
        marks.checkpoint("connected")

    def talk(self):
        """Do what the application does with the connection: echo."""
        for size in self.options["echo"]:
            self.echo(size)

    def echo(self, size):
        """Send a payload of `size` bytes and take it back."""
        self._update_key()
        self._use_up_input()
        piece = self._payload[:size]
        done = 0
        while done < size:
            count = min(size - done, len(piece))
            for i in range(count):
                piece[i] = payload_byte(done + i, size)
            self._write_all(piece[:count])
            done += count
        piece = self._payload[len(self._piece) :]
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
        self._echoes.append((size, whole))
        self._marks.checkpoint("echo")

    def _use_up_input(self):
        """Hand on what has been read from the link: its place is wanted for a payload."""
        while self._start != self._end:
            if self.connection.wants & READ:
                raise GaveUpError("echo.surplus")
            self._step()

    def _write_all(self, data):
        done = 0
        while done < len(data):
            done += self._compute(self.connection.write, data[done:])
            self.send_pending()

    def _update_key(self):
        """Change the sending key and ask for the same, as often as the options say."""
        if self.key_updates_sent < self.options["key_updates"]:
            self.connection.update_keys(True)
            self.key_updates_sent += 1

    def _note_events(self):
        # RFC 8446 §4.6.3: the peer answers with its next data at the latest: with the echo.
        event = self.connection.next_event()
        while event is not None:
            if event[0] == EVENT_KEY_UPDATE:
                self.key_updates_received += 1
            elif event[0] == EVENT_TICKET:
                self.took_ticket = True
            event = self.connection.next_event()

    def close(self):
        """Say close_notify and wait for the peer's, in the order that suits the peer."""
        if self.options.get("close_first"):
            self._say_close()
        elif self.options["echo"]:
            self._write_all(FAREWELL)
        while not self.connection.peer_closed:
            if self.connection.wants & READ:
                raise GaveUpError("echo.surplus")
            self._step()
        self.close_received = True
        if not self.close_sent:
            self._say_close()
        self._marks.checkpoint("closed")

    def _say_close(self):
        self.connection.close()
        self.send_pending()
        self.close_sent = True

    def finish(self):
        """Return the result, completed with what the connection knows."""
        connection = self.connection
        result = {
            "connected": self.connected,
            "reason": self.reason,
            "alert_sent": self.alert_sent,
            "alert_received": self.alert_received,
            "close_sent": self.close_sent,
            "close_received": self.close_received,
            "exporter": self.exporter,
            "echo": self._echoes,
            "key_updates_sent": self.key_updates_sent,
            "key_updates_received": self.key_updates_received,
            "took_ticket": self.took_ticket,
        }
        if self.noise is not None:
            result["noise"] = self.noise
        if connection is not None:
            result["version"] = connection.version
            result["suite"] = connection.suite
            result["group"] = connection.group
            result["signature"] = connection.signature_scheme
            result["alpn"] = connection.alpn
            result["signatures_verified"] = connection.signatures_verified
            result["psk_identity"] = connection.psk_identity
            result["resumed"] = connection.resumed
        result["marks"] = self._marks_at_handshake or self._marks.report()
        result["marks"]["phases"] = by_message(result["marks"]["phases"])
        result["marks"]["checkpoints"] = self._marks.report()["checkpoints"]
        return result

    def send_pending(self):
        """Hand everything the connection has to send to the link."""
        while True:
            out = self.connection.to_send()
            if not len(out):
                return
            if self.options.get("reads") is None:
                self._write_out(out)
            else:
                self._write_bytes_of(out)
            self._compute(self.connection.sent, len(out))  # a server goes on with its flight here

    def _write_out(self, out):
        """Write all of `out`, in as many pieces as a full link makes of it.

        The connection is told once, or its work would depend on how fast the host reads.
        """
        done = 0
        while done < len(out):
            count = self._link.write(out[done:])
            if not count:
                self._link.wait(1)  # the link is full: a millisecond later it may not be
            done += count

    def _write_bytes_of(self, out):
        """Write a byte at a time, as often as a full link makes it try.

        However many of them it takes at once, the steps are the same.
        """
        link, one = self._link, self._one
        done = 0
        while done < len(out):
            one[0] = out[done]
            done += link.write(one)

    def _step(self):
        """Send what is pending, then give the connection what has come; wait if nothing has."""
        self.send_pending()
        if self._start == self._end:
            self._start = 0
            if self.options.get("reads") is None:
                self._end = self._read_record()
            else:
                self._end = self._read_exactly()
            if not self._end:
                raise GaveUpError("link.ended")
        piece = self._piece[self._start : self._end]
        self._start += self._compute(self.connection.receive, piece)

    def _read_record(self):
        """Read to the end of a record, or a whole piece of it; return how much, 0 at the end.

        So the core's work does not depend on when each byte comes. If the rest of a record stays
        away for a while, what is there has to do: the peer may be wrong about its length.
        """
        link, piece = self._link, self._piece
        filled = 0
        while filled < len(piece):
            if not self._left:
                if filled and not self._in_header:
                    break
                self._in_header = not self._in_header
                self._left = _HEADER_BYTES if self._in_header else self._length
                continue
            count = link.readinto(piece[filled : filled + self._left])
            if count is None:
                if link.wait(_LULL_MS if filled else self.options["timeout_ms"]):
                    continue
                if not filled:
                    raise GaveUpError("link.silent")
                break
            if not count:
                break
            if self._in_header:
                for i in range(filled, filled + count):  # its last two bytes are what remains
                    self._length = (self._length << 8 | piece[i]) & 0xFFFF
            filled += count
            self._left -= count
        return filled

    def _read_exactly(self):
        """Read up to where the peer waits for us next, or a whole piece; return how much.

        Returns 0 if the link ends before that.
        """
        link, piece, one = self._link, self._piece, self._one
        timeout_ms = self.options["timeout_ms"]
        wanted = self._bytes_to_come()
        filled = 0
        while filled < wanted:  # nothing in here may allocate
            if not link.wait(timeout_ms):
                raise GaveUpError("link.silent")
            count = link.readinto(one)
            if count:
                piece[filled] = one[0]
                filled += 1
            elif count == 0:
                return 0
        self._received += filled
        return filled

    def _bytes_to_come(self):
        """Return how many bytes to wait for, at least one."""
        reads = self.options["reads"]
        while self._next_read < len(reads) and reads[self._next_read] <= self._received:
            self._next_read += 1
        if self._next_read == len(reads):
            return 1  # more than the peer is expected to say
        return min(len(self._piece), reads[self._next_read] - self._received)

    def _compute(self, call, argument):
        self._marks.enter()
        try:
            return call(argument)
        finally:
            self._marks.leave()
