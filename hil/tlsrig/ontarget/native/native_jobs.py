"""TLS jobs through the firmware's own TLS: what tls_jobs.py does with tlscore, done with `ssl`.

`client` and `server` wrap the farm's link by `SSLContext.wrap_socket` of the firmware, and echo as
the jobs of tlscore do. MicroPython's module in C is `tls` since 1.23, `ssl` before; the `ssl` of
newer firmware is a thin layer of Python over `tls`, without `set_ciphers`. So `tls` is used where
there is one. The stack chooses versions and groups, has the firmware's own randomness and clock,
and tells no more of a connection than suite and version: other facts the host reads from the link
(hil/tlsrig/native/witness.py). Runs on MicroPython; on CPython with a stand-in for the module.

What MicroPython's stack never does: say close_notify. Its `close` frees the connection, no more.
"""

import gc
import io

from hil_marks import Marks

# As the jobs of tlscore have them (tls_conversation.py).
_ECHO_PIECE_BYTES = 1000
_FAREWELL = b"\n"

# Checkpoints in a handshake, at moments when the stack asks for input; beside them "start",
# "connected", one for each echo, and "closed".
_INPUTS = 24

# What MicroPython's streams are asked for: POLL, and its answer POLLIN | POLLOUT (py/stream.h).
_IOCTL_POLL = 3
_READABLE_AND_WRITABLE = 5
_ETIMEDOUT = 110

# The buffers of a connection are larger; if the heap grows by less they are not in it.
_BUFFERS_BYTES_MIN = 6000

_YEAR_2000_S = 946_684_800


def abilities(_link):
    """Return what the firmware's stack says of itself, None where the firmware has none.

    Returns:
        dict: `module` (`tls` or `ssl`), `library` (name and version, None where it does not tell),
        `suites` (those it knows, by its own names; None where it does not tell).
    """
    try:
        stack = _stack()
    except ImportError:
        return None
    context = stack.SSLContext(stack.PROTOCOL_TLS_CLIENT)
    return {
        "module": stack.__name__,
        "library": _library(stack),
        "suites": context.get_ciphers() if hasattr(context, "get_ciphers") else None,
    }


def client(link, options):
    """Run one connection as a client and return what became of it.

    Args:
        link: the board's end of the link.
        options: dict with `utc_seconds`, `root` (DER, or None), `chain` and `private_key` (PEM and
            DER, or None), `demand` (the peer must show a certificate that leads to `root`),
            `server_name`, `suites` (by the stack's names), `echo` (payload sizes), `close_first`
            (the peer waits for us to close), `timeout_ms` (longest silence of the link).

    Returns:
        dict: `connected`, `reason` (None after an orderly end), `close_received`, `cipher` (suite
        and version, as the stack has them), `shown` (the peer's certificate, DER, where the stack
        tells it), `echo` (list of size and whether the payload came back whole), `buffers_in_heap`
        (the stack has its memory from MicroPython's heap, None where that was not seen), `outside`
        (bytes of ESP-IDF's heap that it took, None where there is none), `library` (as `abilities`
        has it), `marks`.
    """
    return _Connection(link, options).run(False)


def server(link, options):
    """Run one connection as a server and return what became of it; arguments as of `client`."""
    return _Connection(link, options).run(True)


def _stack():
    """Return the module in C that has the stack; ImportError where the firmware has none."""
    try:
        import tls as stack  # noqa: PLC0415
    except ImportError:
        import ssl as stack  # noqa: PLC0415
    return stack


def _payload_byte(position, size):
    """Return the byte at `position` of an echoed payload, as tls_conversation.py has it.

    That file is not used: it would load what of tlscore goes with it.
    """
    if position == size - 1:
        return 0x0A
    return 0x80 | ((position * 37 + position // 127) & 0x7F)


def _library(stack):
    """Return name and version of the library, None where the firmware does not tell."""
    return getattr(stack, "MBEDTLS_VERSION", None)


class _Connection:
    """One connection of the firmware's stack, and the result as far as it is known."""

    def __init__(self, link, options):
        self._link = link
        self._options = options
        longest = max(options["echo"]) if options["echo"] else 0
        self._payload = memoryview(bytearray(min(longest, _ECHO_PIECE_BYTES)))
        self._socket = None
        self._marks = None
        self._marks_at_handshake = None
        self.result = {
            "connected": False,
            "reason": None,
            "close_received": False,
            "cipher": None,
            "shown": None,
            "echo": [],
            "buffers_in_heap": None,
            "outside": None,
            "library": None,
            "marks": None,
        }

    def run(self, is_server):
        """Go through handshake, echoes and end, and return the result."""
        try:
            stack = _stack()
            self.result["library"] = _library(stack)
            _set_clock(self._options["utc_seconds"])
            self._handshake(self._context(stack, is_server), is_server)
            for size in self._options["echo"]:
                self._echo(size)
            self._close()
        except OSError as error:
            self.result["reason"] = "native.os_error: " + _words(error.args)
        except ValueError as error:  # also what the verification of a certificate ends with
            self.result["reason"] = "native.value_error: " + _words(error.args)
        marks = self._marks
        if marks is not None:
            self.result["marks"] = self._marks_at_handshake or marks.report()
            self.result["marks"]["checkpoints"] = marks.report()["checkpoints"]
        return self.result

    def _context(self, stack, is_server):
        """Return the context, with everything a program sets once for all its connections."""
        options = self._options
        role = stack.PROTOCOL_TLS_SERVER if is_server else stack.PROTOCOL_TLS_CLIENT
        context = stack.SSLContext(role)
        context.verify_mode = stack.CERT_REQUIRED if options["demand"] else stack.CERT_NONE
        if options["root"] is not None:
            context.load_verify_locations(options["root"])
        if options["chain"] is not None:
            context.load_cert_chain(options["chain"], options["private_key"])
        if options["suites"]:  # the others it was built without
            known = context.get_ciphers()
            context.set_ciphers([suite for suite in options["suites"] if suite in known])
        return context

    def _handshake(self, context, is_server):
        """Wrap the link, which goes through the whole handshake, and note what came of it."""
        options = self._options
        marks = self._marks = Marks(_INPUTS + 3 + len(options["echo"]), None, "handshake", 1)
        stream = _link_stream(self._link, marks, options["timeout_ms"])
        name = None if is_server else options["server_name"]
        marks.checkpoint("start")
        heap_bytes, outside = _heap_bytes(), _outside_bytes()
        marks.enter()
        try:
            self._socket = context.wrap_socket(stream, server_side=is_server, server_hostname=name)
        finally:
            marks.leave()
        self._marks_at_handshake = marks.report()
        marks.checkpoint("connected")
        self.result["connected"] = True
        self.result["cipher"] = self._socket.cipher()
        if hasattr(self._socket, "getpeercert"):
            self.result["shown"] = self._socket.getpeercert(True)
        self.result["buffers_in_heap"] = _heap_bytes() - heap_bytes >= _BUFFERS_BYTES_MIN
        if outside is not None:
            self.result["outside"] = _outside_bytes() - outside

    def _echo(self, size):
        """Send a payload of `size` bytes and take it back."""
        piece = self._payload[: min(size, _ECHO_PIECE_BYTES)]
        done = 0
        while done < size:
            count = min(size - done, len(piece))
            for i in range(count):
                piece[i] = _payload_byte(done + i, size)
            self._write_all(piece[:count])
            done += count
        whole = True
        done = 0
        while done < size:
            count = self._read_into(piece[: size - done])
            if not count:
                raise OSError("the connection ended in the middle of an echo")
            for i in range(count):
                whole = whole and piece[i] == _payload_byte(done + i, size)
            done += count
        self.result["echo"].append((size, whole))
        self._marks.checkpoint("echo")

    def _write_all(self, data):
        done = 0
        while done < len(data):
            done += self._socket.write(data[done:]) or 0

    def _read_into(self, buffer):
        """Read what there is, at least a byte; return how much, 0 at the end."""
        count = None
        while count is None:  # a ticket came, which is no data
            count = self._socket.readinto(buffer)
        return count

    def _close(self):
        """Wait for the peer's close_notify where it can come first; then end the connection."""
        if not self._options["close_first"]:
            if self._options["echo"]:
                self._write_all(_FAREWELL)
            if self._read_into(self._payload[:1] or bytearray(1)):
                raise OSError("surplus after the last echo")
            self.result["close_received"] = True
        self._socket.close()
        self._marks.checkpoint("closed")


def _link_stream(link, marks, timeout_ms):
    """Return the link as the stream that `wrap_socket` takes: it waits for what is not there yet.

    Waiting is no part of what is computed, and neither are checkpoints, which are made when the
    stack asks for input.
    """

    class LinkStream(io.IOBase):  # in here: a class with that base is none for flash
        def __init__(self):
            self._inputs = 0

        def readinto(self, buffer):
            marks.leave()
            if self._inputs < _INPUTS:
                self._inputs += 1
                marks.checkpoint("input")
            count = link.readinto(buffer)
            while count is None:
                if not link.wait(timeout_ms):
                    count = -_ETIMEDOUT
                    break
                count = link.readinto(buffer)
            marks.enter()
            return count

        def write(self, data):
            marks.leave()
            view = memoryview(data)
            while view:
                count = link.write(view)
                if not count:
                    link.wait(1)  # the link is full: a millisecond later it may not be
                view = view[count:]
            marks.enter()
            return len(data)

        def ioctl(self, request, _argument):
            return _READABLE_AND_WRITABLE if request == _IOCTL_POLL else 0

    return LinkStream()


def _set_clock(utc_seconds):
    """Let the board's clock show the time, where it has one that can be set."""
    try:
        from machine import RTC  # noqa: PLC0415
    except ImportError:
        return  # a process: its clock is the machine's
    import time  # noqa: PLC0415

    if time.gmtime(0)[0] == 2000:
        utc_seconds -= _YEAR_2000_S
    year, month, day, hour, minute, second, weekday = time.gmtime(utc_seconds)[:7]
    RTC().datetime((year, month, day, weekday, hour, minute, second, 0))


def _heap_bytes():
    """Return what is live in MicroPython's heap."""
    gc.collect()
    return gc.mem_alloc() if hasattr(gc, "mem_alloc") else 0


def _outside_bytes():
    """Return what is taken of ESP-IDF's heap, from which Mbed TLS has its memory there, or None."""
    try:
        import esp32  # noqa: PLC0415
    except ImportError:
        return None
    return sum([region[0] - region[1] for region in esp32.idf_heap_info(esp32.HEAP_DATA)])


def _words(arguments):
    """Return an exception's arguments as one line."""
    return " ".join([str(one) for one in arguments]).strip().replace("\n", "; ")
