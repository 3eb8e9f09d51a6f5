"""Fuzz targets of records that do not fit the buffer (tls/LARGE_RECORDS.md).

They hold a client with a small buffer to the policy: nothing can be seen before the last byte of a
record, a forged one is bad_record_mac and nothing else, and what is the peer's has the effect it
has on a client whose buffer holds every record.

As in tls12_targets.py, each takes the module wire_targets and a Draw.
"""

from server_double import ServerDouble
from server_messages import NewSessionTicket, key_update, plain_record
from wire_tree import changed_message

from tlscore import states
from tlscore.connection import READ
from tlscore.large_record import EVENT_VERIFIED, EVENT_WITHDRAWN

FORGED = "record.bad_record_mac"
# Whether a message that is put together has room is a matter of handshake_buffer_bytes.
OWN_REASONS = ("handshake.message_too_long",)
CONTENT_BYTES_MAX = 16384 - 3000  # and padding
SHOWN = ("state", "alpn", "signature_scheme", "signatures_verified", "peer_closed")


def shown(client):
    """Return what can be seen of a connection."""
    return [getattr(client, name) for name in SHOWN], bytes(client.to_send())


class Listener:
    """A client and its application, which keeps apart what is not verified."""

    def __init__(self, kit, **options):
        self.client = kit.new_client(alpn=(kit.ALPN,), **options)
        self.server = ServerDouble(kit.IDENTITY, alpn=kit.ALPN)
        self._kit = kit
        self._apart = b""
        self.data = b""
        self.events = set()
        self.error = None
        kit.hand_over(self.client, self.server)
        self.client.receive(plain_record(22, self.server.server_hello()))

    def connect(self):
        for message in self.server.flight():
            self.client.receive(self.server.send_key.protect(22, message))
        assert self.client.state == states.CONNECTED
        self.client.sent(len(self.client.to_send()))
        self.server.use_application_keys("send")
        self._note()
        self.events = set()
        return self

    def hear(self, data, draw):
        """Receive bytes in drawn pieces, and read what there is to read."""
        for piece in draw.pieces(data):
            rest = memoryview(piece)
            while rest and self.error is None:
                taken = []
                self.error = self._kit.offence(
                    lambda rest=rest, taken=taken: taken.append(self.client.receive(rest))
                )
                if self.error is not None:
                    self._kit.check_end(self.client, self.error)
                    return
                rest = rest[taken[0] :]
                self._note()
                while self.client.wants & READ:
                    self._read()

    def _note(self):
        while (event := self.client.next_event()) is not None:
            self.events.add(event[0])
            if event[0] == EVENT_VERIFIED:
                self.data += self._apart
            if event[0] in (EVENT_VERIFIED, EVENT_WITHDRAWN):
                self._apart = b""

    def _read(self):
        if self.client.unverified:
            self._apart += self.client.read()
        else:
            assert not self._apart
            self.data += self.client.read()

    @property
    def reason(self):
        return None if self.error is None else self.error.reason


def spoiled(record, draw):
    """Return a record with a bit changed that is drawn, and whether it was."""
    if draw.below(3):
        return record, False
    changed = bytearray(record)
    changed[5 + draw.below(len(record) - 5)] ^= 1 << draw.below(8)
    return bytes(changed), True


def large_flight(kit, draw):
    """A flight with a changed message, several in a record, padded; maybe forged."""
    one = Listener(kit, record_buffer_bytes=160 + draw.below(600))
    messages = list(one.server.flight())
    honest = b"".join(messages)
    victim = draw.below(len(messages) + 1)
    if victim < len(messages):
        messages[victim] = changed_message(messages[victim], draw)
    rest = told = b"".join(messages)
    while rest:
        size = CONTENT_BYTES_MAX if draw.spent() else 1 + draw.below(2000)
        record = one.server.send_key.protect(22, rest[:size], draw.below(3000))
        rest = rest[size:]
        record, forged = spoiled(record, draw)
        before = shown(one.client)
        one.hear(record[:-1], draw)
        if one.error is None:
            assert shown(one.client) == before
            assert not one.events
        one.hear(record[-1:], draw)
        if forged:
            assert one.reason == FORGED, one.reason
        if one.error is not None:
            assert one.reason != FORGED or forged
            return
    assert one.client.state != states.CONNECTED or told == honest


def large_data(kit, draw):
    """Records of drawn types and contents for two connected clients, with and without room."""
    staged = draw.below(2) == 1
    ticket_bytes_max = 100 * draw.below(8)
    options = {"ticket_bytes_max": ticket_bytes_max}
    small = Listener(
        kit, record_buffer_bytes=160 + draw.below(600), staged_data=staged, **options
    ).connect()
    roomy = Listener(kit, record_buffer_bytes=16645, **options).connect()
    ticket = NewSessionTicket(ticket=b"t" * (1 + draw.below(900))).encode()
    for _ in range(1 + draw.below(5)):
        content_type, content = drawn_content(draw, (ticket, key_update(0), key_update(1)))
        padding = draw.below(3000)
        record = small.server.send_key.protect(content_type, content, padding)
        fits = len(record) <= len(small.client._receiver._buffer)
        record, forged = spoiled(record, draw)
        small.hear(record, draw)
        if forged:
            assert small.reason == FORGED
            return
        roomy.hear(roomy.server.send_key.protect(content_type, content, padding), draw)
        if small.reason in OWN_REASONS:
            return
        if content_type == 23 and content and not fits and not staged and roomy.error is None:
            assert small.reason == "record.exceeds_buffer"
            return
        own = {EVENT_VERIFIED, EVENT_WITHDRAWN}
        assert small.reason == roomy.reason
        assert (small.data, small.events - own) == (roomy.data, roomy.events)
        assert shown(small.client)[0] == shown(roomy.client)[0]
        if small.error is not None or small.client.peer_closed:
            return
        for one in (small, roomy):
            one.client.sent(len(one.client.to_send()))
            if content_type == 22 and content[:1] == b"\x18":
                one.server.send_key = one.server.send_key.update()


def drawn_content(draw, handshake):
    """Return a content type and a content."""
    kind = draw.below(6)
    content_type = (22, 22, 23, 23, 21, 20)[kind]
    if kind < 2:
        content = handshake[draw.below(len(handshake))]
        return content_type, changed_message(content, draw) if kind else content
    content = draw.octets()
    if kind == 3:
        content = (content or b"\x04\x00") * (1 + draw.below(400))
    return content_type, content


TARGETS = (
    ("large_flight", large_flight, 100),
    ("large_data", large_data, 100),
)
