"""The tickets of one connection on their way to the client (RFC 8446 §4.6.1).

Each has a nonce, and so a key, of its own. They are made when the send buffer has room for them,
and left out if it never will. Loaded at the end of a handshake by servers that give tickets.
"""

from tlscore.schedule import expand_label
from tlscore.tickets import new_session_ticket_bytes, sealed_bytes, write_new_session_ticket

# RFC 8446 §4.6.1: ticket_age_add is "a securely generated, random 32-bit value".
_AGE_ADD_BYTES = 4


class TicketSender:
    """What the tickets of a connection are made of.

    Args:
        keys: tickets.TicketKeys.
        hash_: row of crypto/hashes.py, of the suite.
        secret: resumption_master_secret.
        ticket: tickets.Ticket with what the connection rests on, but for key and time.

    Attributes:
        left: how many are still to be sent.
    """

    def __init__(self, keys, hash_, secret, ticket):
        self._keys = keys
        self._hash = hash_
        self._secret = secret
        self._ticket = ticket
        ticket.secret = bytes(hash_.size)
        self._sealed_bytes = sealed_bytes(ticket)
        # opaque ticket<1..2^16-1>
        self.left = keys.count if self._sealed_bytes <= 0xFFFF else 0

    def send(self, outbox):
        """Queue as many tickets as there is room for."""
        keys = self._keys
        ticket = self._ticket
        while self.left:
            nonce = bytes((keys.count - self.left,))
            if not outbox.takes(new_session_ticket_bytes(nonce, self._sealed_bytes)):
                if not len(outbox.pending()):
                    self.left = 0
                return
            ticket.created_utc_seconds = keys.now()
            lifetime_s = keys.lifetime_of(ticket)
            if lifetime_s == 0:  # what it all rests on is over
                self.left = 0
                return
            ticket.secret = self._expand(nonce)
            writer = outbox.writer()
            age_add = keys.random(_AGE_ADD_BYTES)
            write_new_session_ticket(writer, lifetime_s, age_add, nonce, keys.seal(ticket))
            outbox.queue_handshake(writer, None)
            self.left -= 1

    def _expand(self, nonce):
        size = self._hash.size
        return expand_label(self._hash, self._secret, b"resumption", nonce, size)
