"""The firmware's own TLS as a stack of secure_sock: MicroPython's module `ssl`, or CPython's.

The module is handed in, and with it the choice. What it has no way to do is refused: pre-shared
keys, raw public keys, resumption, KeyUpdate, datagrams, options. Whom to trust are certificates
(DER) under credentials.ROOTS; what to show is, under credentials.CERTIFICATE, what the module's
`load_cert_chain` takes.

MicroPython's stack cannot tell how far a handshake is: beginning a session waits for its end there.
It never says close_notify, nor tells whether the peer has; see docs/native-stack.md.
"""

from tlscore.compat import const
from tlscore.config_checks import require
from tlscore.errors import TlsError
from tlscore.sockets.credentials import CERTIFICATE, PINS, PSK, RAW_KEY, ROOTS
from tlscore.sockets.waiting import wait_for

# What MicroPython's streams are asked for: POLL, and its answer (py/stream.h).
_IOCTL_POLL = const(3)
_READABLE_AND_WRITABLE = const(5)
_ETIMEDOUT = const(110)


class NativeStack:
    """TLS by a module `ssl`.

    Args:
        ssl: the module: `ssl`, or MicroPython's `tls`.
        piece_bytes: read from a transport at a time; and for data that waits to be read.
        handshake_ms: the longest silence of the peer in a handshake that has to be waited for.
    """

    is_datagram = False

    def __init__(self, ssl, *, piece_bytes=1024, handshake_ms=30_000):
        self._ssl = ssl
        self._handshake_ms = handshake_ms
        self._piece_bytes = piece_bytes

    def new_room(self):
        """Return what a slot allocates once; the stack has its own buffers beside."""
        return memoryview(bytearray(self._piece_bytes))

    def connect(self, room, transport, credentials, tag, name, _address, _resume, options):
        """Begin a session as a client; see tls_stack.TlsStack.connect."""
        require(not options, "sock.native_option")
        ssl = self._ssl
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        roots = self._load(context, credentials, tag)
        require(roots, "sock.no_credentials")
        return self._session(context, room, transport, False, name)

    def serve(self, room, transport, credentials, tag, options):
        """Begin a session as a server; see `connect`."""
        require(not options, "sock.native_option")
        ssl = self._ssl
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        roots = self._load(context, credentials, tag)
        context.verify_mode = ssl.CERT_REQUIRED if roots else ssl.CERT_NONE
        require(credentials.find(tag, CERTIFICATE) is not None, "sock.no_credentials")
        return self._session(context, room, transport, True, None)

    def _load(self, context, credentials, tag):
        """Give a context the credentials of a tag; tell whether there are roots among them."""
        for kind in (PSK, RAW_KEY, PINS):
            require(credentials.find(tag, kind) is None, "sock.native_credentials")
        shown = credentials.find(tag, CERTIFICATE)
        if shown is not None:
            context.load_cert_chain(*shown)
        roots = credentials.find(tag, ROOTS)
        for der in roots or ():
            require(isinstance(der, bytes), "sock.native_credentials")
            if hasattr(self._ssl, "MemoryBIO"):
                context.load_verify_locations(cadata=der)
            else:
                context.load_verify_locations(der)
        return bool(roots)

    def _session(self, context, room, transport, is_server, name):
        ssl = self._ssl
        if hasattr(ssl, "MemoryBIO"):
            layer = _Bios(ssl, context, len(room), transport, is_server, name)
        else:
            layer = _Stream(context, transport, is_server, name, self._handshake_ms)
        return NativeSession(layer, transport, room, getattr(ssl, "SSLError", ()))


class NativeSession:
    """One session; see stream_session.StreamSession.

    What the stack has decrypted can only be asked for by reading it: it waits in the slot's room.
    """

    ended = False

    def __init__(self, layer, transport, room, errors):
        self._errors = errors  # classes of the stack's own, if it has any
        self._layer = layer
        self._transport = transport
        self._data = room
        self._start = self._end = 0
        self._unsent = b""
        self.connected = False

    def work(self) -> bool:
        """Move bytes both ways; see StreamSession.work.

        Raises:
            TlsError: "native.<what the stack says>".
        """
        try:
            return self._work()
        except (OSError, ValueError) as error:
            raise told(error, self._errors)

    def _work(self):
        layer = self._layer
        moved = layer.move()
        if not self.connected and not self.ended:
            self.connected = layer.handshake()
            moved = layer.move() or moved or self.connected
        if self.connected and self._unsent:
            taken = layer.write(self._unsent)
            self._unsent = self._unsent[taken:]
            moved = bool(taken) or moved
        if self.connected and self._start == self._end and not self.ended:
            count = layer.readinto(self._data)
            if count is not None:
                self._start, self._end = 0, count
                self.ended = not count
                moved = True
        return layer.move() or moved

    def pending(self) -> int:
        """Return how many bytes of application data can be read at once."""
        return self._end - self._start

    def read_into(self, buffer) -> int:
        """Move application data that has come into a buffer; return how much, 0 for none."""
        count = min(len(buffer), self._end - self._start)
        memoryview(buffer)[:count] = self._data[self._start : self._start + count]
        self._start += count
        return count

    def write(self, data) -> int:
        """Take application data to be sent: a piece, once the one before it is gone."""
        if not self.connected or self._unsent:
            return 0
        # A stack that takes nothing now wants the same bytes again.
        self._unsent = bytes(data[: len(self._data)])
        count = len(self._unsent)
        self.work()
        return count

    def unsent(self) -> bool:
        """Tell whether something waits until the transport takes it."""
        return len(self._unsent) > 0 or self._layer.unsent()

    def next_timeout(self):
        """Return None: a stream has no timers."""

    def wait(self, timeout_ms):
        """Wait until there is something to do, at most so long (None: for ever)."""
        wait_for(self._transport, timeout_ms, self.unsent())

    def rekey(self) -> bool:
        """Return False: there is no way to ask for it."""
        return False

    def take_session(self):
        """Return None: sessions belong to their stack."""

    def close(self):
        """Say that it is over, if the stack does."""
        try:
            self._layer.close()
        except (OSError, ValueError):
            pass  # it has failed before, or the peer is gone: nobody is left to be told
        for at in range(len(self._data)):
            self._data[at] = 0

    def facts(self) -> dict:
        """Return what was negotiated: `cipher` as the stack has it, `resumed` where it tells."""
        return self._layer.facts()


def told(error, errors=()):
    """Return an error of the stack as a TlsError; one of the transport as it is.

    Args:
        errors: classes of the stack's errors. MicroPython's are OSError with a negative number, and
            ValueError of what is wrong with a certificate.
    """
    args = error.args
    if isinstance(error, OSError) and not isinstance(error, errors):
        if not args or not isinstance(args[0], int) or args[0] >= 0:
            return error
    said = getattr(error, "reason", None) or args[-1]
    return TlsError("native." + str(said).lower().replace(" ", "_"))


class _Stream:
    """MicroPython's stack, which reads and writes a stream by itself."""

    def __init__(self, context, transport, is_server, name, handshake_ms):
        stream = _stream_over(transport, handshake_ms)
        try:
            self._socket = context.wrap_socket(stream, server_side=is_server, server_hostname=name)
        except (OSError, ValueError) as error:
            raise told(error)
        stream.waits_ms = 0  # from here on what is not there is for later

    def move(self) -> bool:
        """Do nothing: it does it itself."""
        return False

    def handshake(self) -> bool:
        """Return True: it is over."""
        return True

    def readinto(self, buffer):
        """Return how many bytes came; None if there are none yet, 0 at the end."""
        return self._socket.readinto(buffer)

    def write(self, data) -> int:
        """Return how many bytes were taken."""
        return self._socket.write(data) or 0

    def unsent(self) -> bool:
        """Return False: what it has taken it has sent."""
        return False

    def close(self):
        """End it; without a close_notify."""
        self._socket.close()

    def facts(self) -> dict:
        """Return what was negotiated."""
        return {"cipher": self._socket.cipher(), "resumed": False, "psk_identity": None}


def _stream_over(transport, handshake_ms):
    """Return a transport as the stream that MicroPython's `wrap_socket` takes."""
    import io  # noqa: PLC0415 -- a class with that base is none for flash

    class Stream(io.IOBase):
        def __init__(self):
            self.waits_ms = handshake_ms

        def readinto(self, buffer):
            count = transport.readinto(buffer)
            while count is None and self.waits_ms:
                if not transport.wait(self.waits_ms):
                    return -_ETIMEDOUT
                count = transport.readinto(buffer)
            return count

        def write(self, data):
            count = transport.write(data)
            while not count and self.waits_ms:
                wait_for(transport, self.waits_ms, True)
                count = transport.write(data)
            return count or None

        def ioctl(self, request, _argument):
            return _READABLE_AND_WRITABLE if request == _IOCTL_POLL else 0

    return Stream()


class _Bios:
    """CPython's stack, with buffers between it and the transport."""

    def __init__(self, ssl, context, piece_bytes, transport, is_server, name):
        self._wants = (ssl.SSLWantReadError, ssl.SSLWantWriteError)
        self._ended = (ssl.SSLZeroReturnError,)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._transport = transport
        self._piece = bytearray(piece_bytes)
        self._left = b""
        self._ssl = context.wrap_bio(
            self._in, self._out, server_side=is_server, server_hostname=name
        )

    def move(self) -> bool:
        """Move bytes between transport and stack; tell whether any moved."""
        moved = False
        while self._left or self._out.pending:
            self._left = self._left or self._out.read()
            count = self._transport.write(self._left)
            if not count:
                break
            self._left = self._left[count:]
            moved = True
        count = None if self._in.eof else self._transport.readinto(self._piece)
        if count:
            self._in.write(memoryview(self._piece)[:count])
        elif count == 0:
            self._in.write_eof()
        return moved or count is not None

    def _try(self, call, *arguments):
        """Return what a call returns, None if the stack wants something first, 0 at the end."""
        try:
            return call(*arguments)
        except self._wants:
            return None
        except self._ended:
            return 0
        finally:
            self._flush()

    def _flush(self):
        """Hand on what there is: an alert is to go out before its error."""
        self._left += self._out.read()
        if self._left:
            self._left = self._left[self._transport.write(self._left) or 0 :]

    def handshake(self) -> bool:
        """Go on with the handshake; tell whether it is over."""
        self._try(self._ssl.do_handshake)
        return self._ssl.cipher() is not None

    def readinto(self, buffer):
        """Return how many bytes came; None if there are none yet, 0 at the end."""
        return self._try(self._ssl.read, len(buffer), buffer)

    def write(self, data) -> int:
        """Return how many bytes were taken."""
        return self._try(self._ssl.write, data) or 0

    def unsent(self) -> bool:
        """Tell whether something waits until the transport takes it."""
        return len(self._left) > 0 or self._out.pending > 0

    def close(self):
        """Say close_notify."""
        self._try(self._ssl.unwrap)

    def facts(self) -> dict:
        """Return what was negotiated."""
        return {
            "cipher": self._ssl.cipher(),
            "resumed": self._ssl.session_reused,
            "psk_identity": None,
        }
