"""How to wait for a transport, until there is something to do."""

from tlscore.compat import const

# How long to leave a transport alone that takes nothing and cannot be waited for.
_BUSY_MS = const(2)


def wait_for(transport, timeout_ms, to_send):
    """Wait for a transport: until it has something to read, or takes something if there is any.

    Args:
        timeout_ms: at most so long; None: for ever.
        to_send: something waits to be sent.
    """
    if to_send:
        waits = getattr(transport, "wait_to_send", None)
        if waits is not None:
            waits(timeout_ms)
            return
        timeout_ms = _BUSY_MS if timeout_ms is None else min(timeout_ms, _BUSY_MS)
    transport.wait(-1 if timeout_ms is None else timeout_ms)


def sooner(one, other):
    """Return the smaller of two numbers of milliseconds, either of which may be None for never."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
