"""What a board keeps beyond one connection: ticket keys and sessions of a server, several keys.

For tls_jobs.py; a board that is a client with one key at a time does without.
"""

import sys

from tlscore.entropy import HmacDrbg

# Where a server keeps what its next connection needs: modules hold no variables.
_TICKETS = "tls_kept.tickets"
_SESSIONS = "tls_kept.sessions"
# Whom the further keys of a board are for.
_ELSEWHERE = "elsewhere.invalid"


def tickets(options):
    """Return what a server seals tickets with, in all connections with the same seed the same."""
    from tlscore.tickets import TicketKeys  # noqa: PLC0415

    return _kept(_TICKETS, options["tickets_seed"], options, TicketKeys)


def sessions(options):
    """Return the sessions of TLS 1.2 that a server remembers by their ids, likewise."""
    from tlscore.tls12.session_cache import SessionCache  # noqa: PLC0415

    return _kept(_SESSIONS, options["sessions_seed"], options, SessionCache)


def store(options):
    """Return a store of all external keys; those but `psk` are for other servers."""
    from tlscore.credentials import CredentialStore  # noqa: PLC0415

    kept = CredentialStore()
    for identity, key, digest_bytes in options["other_psks"]:
        kept.add(identity, key, _ELSEWHERE, digest_bytes)
    identity, key, digest_bytes = options["psk"]
    kept.add(identity, key, options["server_name"].decode(), digest_bytes)
    return kept


class _Clock:
    """A clock that is told the time of each connection."""

    def __init__(self):
        self.now = 0

    def utc_seconds(self):
        return self.now


def _kept(name, seed, options, make):
    """Return what was made with the same seed before, or make it; it is told the time."""
    kept = sys.modules.get(name)
    if kept is None or kept[0] != seed:
        clock = _Clock()
        kept = (seed, clock, make(HmacDrbg(seed), clock))
        sys.modules[name] = kept
    kept[1].now = options["utc_seconds"]
    return kept[2]
