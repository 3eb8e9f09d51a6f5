"""One socket-like API for TLS and DTLS, in a fixed number of sessions.

    socks = init(stack, credentials, slots=4)
    sock = socks.create(tag)
    sock.connect(transport, name, timeout_ms=...)     or  sock.listen(acceptor); sock.accept(...)
    sock.send(data), sock.recv(buffer), sock.check_pending(), sock.renew(), sock.stop()
    error_is_fatal(error)

Theory of operation. A stack (docs/sockets.md) makes sessions that never wait; a sock waits for its
own by `wait`, until there is what it was asked for or the time is over. Slots are taken by sessions
and given back; what a stack needs for one it allocated at `init`. Who comes when none is free gets
the slot of the session that was used least recently. Callbacks are made by `SecureSocks.poll`; that
of an eviction by whoever evicts.

Not here: opening transports, whom to trust (credentials.py).
"""

from tlscore.config_checks import require
from tlscore.sockets.slots import Slots
from tlscore.sockets.sock import SecureSock, error_is_fatal

__all__ = ("SecureSock", "SecureSocks", "error_is_fatal", "init")


def init(stack, credentials, slots=4, *, now_ms=None, evicts=True):
    """Allocate what so many sessions need, and return the SecureSocks they are had from.

    Args:
        stack: tls_stack.TlsStack, dtls_stack.DtlsStack, native_stack.NativeStack or another.
        credentials: credentials.Credentials.
        slots: how many sessions there may be at a time.
        now_ms: function that returns milliseconds that only grow; ticks.Ticks() by default.
        evicts: a new session takes the slot that was used least recently if none is free.
    """
    return SecureSocks(stack, credentials, slots, now_ms, evicts)


class SecureSocks:
    """The socks of one stack; see `init`.

    Attributes:
        slots: slots.Slots.
        now_ms: the function that tells the time.
    """

    def __init__(self, stack, credentials, slots, now_ms, evicts):
        if now_ms is None:
            from tlscore.sockets.ticks import Ticks  # noqa: PLC0415

            now_ms = Ticks()
        self.stack = stack
        self.credentials = credentials
        self.now_ms = now_ms
        self.slots = Slots(stack, slots, evicts)
        self._listening = []

    def create(self, tag, **options):
        """Return a SecureSock that uses the credentials of a tag; it takes no slot yet.

        Args:
            options: for the configuration of its connections, as config.py or the stack's
                counterpart has them (`alpn`, `suites`, ...).
        """
        return SecureSock(self, tag, options)

    def poll(self, timeout_ms=0) -> bool:
        """Move bytes for every sock and make the callbacks that are due.

        Args:
            timeout_ms: wait at most so long for something to happen; None: for ever. With several
                transports it is looked at each in turn.

        Returns:
            Whether anything happened.
        """
        end = None if timeout_ms is None else self.now_ms() + timeout_ms
        while True:
            happened = False
            for sock in self._socks():
                happened = sock.poll() or happened
            left = None if end is None else end - self.now_ms()
            if happened or (left is not None and left <= 0):
                return happened
            self._wait(left)

    def _socks(self):
        return self._listening + self.slots.owners()

    def _wait(self, left_ms):
        socks = self._socks()
        if not socks:
            require(left_ms is not None, "sock.nothing_to_wait_for")
        share_ms = 5 if len(socks) > 1 else left_ms  # a transport can only be waited for by itself
        for sock in socks:
            sock.wait(share_ms if left_ms is None else min(share_ms, left_ms))

    def listens(self, sock, does):
        """Note that a sock listens, or no longer does; for SecureSock."""
        if does:
            self._listening = self._listening + [sock]
        else:
            self._listening = [one for one in self._listening if one is not sock]
