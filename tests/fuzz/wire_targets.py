"""What is fuzzed: functions of any bytes that hold the core to what it promises.

    a TlsError with a reason, and an alert where a peer is to blame, and no other exception
    a connection that has refused is FAILED, its alert is queued, it wants nothing but to send it,
        and its buffers are gone when it has
    what it keeps on the way is no more than it was configured with
    a peer that changed anything is never taken for connected, nor its certificate for good

The parsers are those of tls/tests/host/fuzz_targets.py and take the bytes as they are. The others
take them as instructions (wire_tree.Draw): which message, which field of it, what to put there,
and in which pieces it arrives; around the change keys, transcripts and Finished are right.

Imported by drive.py, which knows where the modules below are.
"""

import sys

import dtls_targets
import fuzz_targets
import large_record_targets
import tls12_targets
from client_messages import Bench, ClientHello
from server_double import ServerDouble
from server_identity import Identity, private_key
from server_messages import NewSessionTicket, key_update, message, plain_record, vector
from test_server_psk import binder
from wire_tree import Draw, changed_der, changed_message

from tlscore import server_states, states
from tlscore.client import ClientConnection
from tlscore.clock import FixedClock
from tlscore.config import ClientConfig
from tlscore.entropy import HmacDrbg
from tlscore.errors import AlertReceived, PeerMisbehaved, UsageError
from tlscore.server_config import ServerConfig
from tlscore.trust import TrustAnchors, anchor_from_certificate
from tlscore.trust_store import TrustStore, encode
from tlscore.x509.chain import ChainVerifier

IDENTITY = Identity()
TRUST = TrustAnchors([anchor_from_certificate(IDENTITY.root)])
CLOCK = FixedClock(IDENTITY.utc_seconds)
KEY = private_key(IDENTITY.key)
ALPN = b"h2"
KEY_NAME, SHARED_KEY = b"device 1", bytes(range(32))
RECORD_BYTES = 16384  # RFC 8446 §5.1


def offence(function, *arguments):
    """Call; return the error a peer may cause, None if there was none, and let others pass."""
    try:
        function(*arguments)
    except (PeerMisbehaved, AlertReceived) as caught:
        error = caught
    else:
        return None
    assert "." in error.reason
    assert error.alert is not None
    return error


def misuse(function, *arguments):
    """Call; return the reason of the UsageError that came, None if none did."""
    try:
        function(*arguments)
    except UsageError as error:
        return error.reason
    return None


def parser(target):
    """Return a target for one of the parsers."""

    def fuzz(data):
        offence(target, data)

    return fuzz


def check_end(connection, error):
    """Hold a connection that has refused something to what it promises."""
    assert connection.state == states.FAILED
    pending = len(connection.to_send())
    assert (pending > 0) == isinstance(error, PeerMisbehaved)
    connection.sent(pending)
    assert connection.wants == 0
    assert not connection._receiver._buffer
    assert not connection._outbox._buffer
    assert misuse(connection.receive, b"\x15\x03\x03\x00\x02\x01\x00") == "connection.failed"


def feed(connection, data, draw):
    """Give a connection bytes in drawn pieces; return the error that ended it, or None."""
    for piece in draw.pieces(data):
        left = memoryview(piece)
        while left:
            taken = []
            error = offence(lambda left=left, taken=taken: taken.append(connection.receive(left)))
            if error is not None:
                check_end(connection, error)
                return error
            left = left[taken[0] :]
            assert taken[0] or connection.read(), "neither taken nor to be read"
    return None


# --- the client


def new_client(**options):
    """Return a client that trusts the test server."""
    seeded = HmacDrbg(b"seed of the fuzzed client.......")
    return ClientConnection(ClientConfig(seeded, CLOCK, TRUST, IDENTITY.name, **options))


class ChangingServer(ServerDouble):
    """The server double, with one message changed before it is hashed and sent."""

    def __init__(self, draw, victim, **options):
        ServerDouble.__init__(self, IDENTITY, **options)
        self._draw = draw
        self._victim = victim
        self.changed = False

    def _encode(self, name, fields):
        if name != self._victim:
            return ServerDouble._encode(self, name, fields)
        honest = fields.encode()
        encoded = changed_message(honest, self._draw)
        self.changed = encoded != honest
        self.transcript += encoded
        return encoded


SERVER_SAYS = (
    "server_hello",
    "hello_retry_request",
    "encrypted_extensions",
    "certificate_request",
    "certificate",
    "certificate_verify",
    "finished",
)
# What nothing may be changed in. In the others there is what may be said in several ways, as the
# order of extensions, and the proofs are made over what was said.
PROOFS = ("certificate_verify", "finished")


def client_flight(data):
    """A client, and a server that changes a field of one of its messages."""
    draw = Draw(data)
    victim = SERVER_SAYS[draw.below(len(SERVER_SAYS))]
    server = ChangingServer(
        draw,
        victim,
        request_certificate=victim == "certificate_request" or draw.byte() > 0xE0,
        retry_group=0x0017 if victim == "hello_retry_request" else None,
        alpn=ALPN,
    )
    client = new_client(alpn=(ALPN,))
    hand_over(client, server)
    if server.retry_group is not None:
        retry = server.hello_retry_request()
        if feed(client, plain_record(22, retry), draw) is not None:
            return
        hand_over(client, server)
        if 0x0017 not in server.client_shares():
            return  # asked for another group, or for nothing any more
    if feed(client, plain_record(22, server.server_hello()), draw) is not None:
        return
    if client.state != states.WAIT_ENCRYPTED_EXTENSIONS:
        return  # changed into a HelloRetryRequest
    error = offer_flight(client, server, draw)
    if error is None and server.changed and client.state == states.CONNECTED:
        assert victim not in PROOFS, "connected over a changed " + victim


def offer_flight(client, server, draw):
    """Give a client the protected flight, several messages in a record or one in several."""
    rest = b"".join(server.flight())
    error = None
    while rest and error is None:
        size = RECORD_BYTES if draw.spent() else 1 + draw.below(600)
        record = server.send_key.protect(22, rest[:size], draw.below(3))
        rest = rest[size:]
        error = feed(client, record, draw)
    return error


def hand_over(client, server):
    pending = bytes(client.to_send())
    client.sent(len(pending))
    server.take(pending)


def client_with_keys(data):
    """A client that offers a key beside certificates, and a server that changes what it says."""
    draw = Draw(data)
    victim = ("server_hello", "encrypted_extensions", "finished")[draw.below(3)]
    server = ChangingServer(draw, victim, psk=(0, SHARED_KEY), has_share=draw.below(2) == 0)
    client = new_client(psks=((KEY_NAME, SHARED_KEY, 32),), psk_modes=(1, 0))
    hand_over(client, server)
    if feed(client, plain_record(22, server.server_hello()), draw) is not None:
        return
    if client.state != states.WAIT_ENCRYPTED_EXTENSIONS:
        return  # changed into a HelloRetryRequest
    error = offer_flight(client, server, draw)
    if error is None and client.state == states.CONNECTED:
        assert client.psk_identity == KEY_NAME
        assert not (server.changed and victim in PROOFS), "connected over a changed " + victim


def connected_client(data):
    """A connected client, and protected records of drawn types and contents."""
    draw = Draw(data)
    server = ServerDouble(IDENTITY)
    client = new_client()
    hand_over(client, server)
    client.receive(plain_record(22, server.server_hello()))
    client.receive(server.send_key.protect(22, b"".join(server.flight())))
    assert client.state == states.CONNECTED
    client.sent(len(client.to_send()))
    server.use_application_keys("send")
    ticket = NewSessionTicket(extensions=[(42, bytes(4))]).encode()
    say_records(client, server.send_key, draw, (ticket, key_update(0), key_update(1)))


def say_records(connection, key, draw, handshake):
    """Let a connected peer say up to eight records of drawn types and contents."""
    for _ in range(1 + draw.below(8)):
        kind = draw.below(5)
        content_type = (22, 22, 23, 21, 20)[kind]
        if kind < 2:
            content = handshake[draw.below(len(handshake))]
            content = changed_message(content, draw)[:RECORD_BYTES] if kind else content
        else:
            content = draw.octets()
        record = key.protect(content_type, content, draw.below(3))
        if feed(connection, record, draw) is not None or connection.peer_closed:
            return
        if content_type == 22 and content[:1] == b"\x18":
            key = key.update()
        if connection.state == states.CONNECTED:
            connection.sent(len(connection.to_send()))


# --- the server


def bench(**options):
    """Return a bench for a server that asks for certificates, with its key log."""
    secrets = {}

    def log(label, _random, secret):
        secrets[label] = secret

    config = ServerConfig(
        HmacDrbg(b"seed of the fuzzed server......."),
        tuple(IDENTITY.chain),
        KEY,
        alpn=(ALPN, b"x"),
        keylog=log,
        **options,
    )
    return Bench(config, secrets)


def server_client_hello(data):
    """A server, and a ClientHello with changed fields; a second one if it asks for it."""
    draw = Draw(data)
    one = bench()
    hello = ClientHello().put(16, vector(2, vector(1, ALPN))).put(28, b"\x10\x01")
    if draw.below(4) == 3:
        hello.put(51, vector(2, b""))
    for _ in range(2):
        encoded = changed_message(hello.encode(), draw)
        one.sent_messages += encoded
        if feed(one.server, plain_record(22, encoded, 0x0301), draw) is not None:
            return
        one.listen()
        if one.server.state != server_states.WAIT_SECOND_CLIENT_HELLO:
            break
        hello = ClientHello().put(16, vector(2, vector(1, ALPN))).put(28, b"\x10\x01")
    if one.key is not None:
        feed(one.server, one.key.protect(22, message(20, bytes(32))), draw)
        assert one.server.state == states.FAILED


def server_with_keys(data):
    """A server, and a ClientHello that offers a key; changed, with a binder over the change."""
    draw = Draw(data)
    one = bench(psk={KEY_NAME: (SHARED_KEY, 32)}.get, psk_modes=(1, 0))
    key = vector(2, vector(2, KEY_NAME) + bytes(4)) + vector(2, vector(1, bytes(32)))
    hello = ClientHello().put(45, vector(1, b"\x00\x01")).put(41, key)
    encoded = changed_message(hello.encode(), draw)
    knows_the_key = draw.below(4) > 0
    if knows_the_key:
        encoded = encoded[:-32] + binder(SHARED_KEY, encoded[:-35])
    if feed(one.server, plain_record(22, encoded[:RECORD_BYTES], 0x0301), draw) is not None:
        return
    one.listen()
    assert one.server.psk_identity is None or knows_the_key
    if one.key is not None:
        feed(one.server, one.key.protect(22, message(20, bytes(32))), draw)
        assert one.server.state == states.FAILED


def server_flight(data):
    """A server that asks for a certificate, and a client that changes what follows its hello."""
    draw = Draw(data)
    one = bench(clock=CLOCK, trust=TRUST, certificate_required=False)
    one.hello()
    chain = b"".join(vector(3, der) + b"\x00\x00" for der in IDENTITY.chain)
    honest = message(11, b"\x00" + vector(3, chain if draw.below(2) else b""))
    told = changed_message(honest, draw)
    one.sent_messages += told
    rest = told + message(15, b"\x04\x03" + vector(2, draw.octets())) + one.finished()
    while rest:
        size = RECORD_BYTES if draw.spent() else 1 + draw.below(600)
        if feed(one.server, one.key.protect(22, rest[:size], draw.below(3)), draw) is not None:
            return
        rest = rest[size:]
    # A chain of a server does not prove a client, and one that is empty needs no proof.
    assert one.server.state != states.CONNECTED or one.server.client_key is None


def connected_server(data):
    """A connected server, and protected records of drawn types and contents."""
    draw = Draw(data)
    one = bench().connect()
    say_records(one.server, one.key, draw, (key_update(0), key_update(1), one.finished()))


def any_records(data):
    """A server, and any records at all: types, versions, lengths as drawn."""
    draw = Draw(data)
    one = bench()
    if draw.byte() & 1:
        one.hello()
    while not draw.spent():
        content_type = (20, 21, 22, 23, draw.byte())[draw.below(5)]
        record = bytes([content_type]) + b"\x03\x03" + vector(2, draw.octets())
        if feed(one.server, record, draw) is not None:
            return


# --- certificates and trust


def certificate_chain(data):
    """A chain with changed elements, in drawn pieces: refused, unless it is as it was."""
    draw = Draw(data)
    der = changed_der(IDENTITY.chain[0], draw)
    verifier = ChainVerifier(TRUST, CLOCK, IDENTITY.name)

    def verify():
        verifier.begin(len(der))
        for piece in draw.pieces(memoryview(der)):
            verifier.push(piece)
        verifier.end()
        verifier.finish()

    if der and offence(verify) is None:
        assert der == IDENTITY.chain[0]


STORE = encode([(bytes([n]) * 32, (1, bytes([n]) * 65)) for n in range(5)])


def trust_store(data):
    """A trust store with changed bytes, or any bytes at all."""

    def read():
        store = TrustStore(bytes(data))
        for number in range(store.count):
            name_hash, key = store.row(number)
            assert key in store.anchors(name_hash)

    reason = misuse(read)
    assert reason is None or reason.startswith("trust_store.")


# name -> (function, runs in a short run: what takes about a second)
TARGETS = {
    name: (parser(target), 10000 if name.endswith("12") else 30000)
    for name, target in fuzz_targets.TARGETS.items()
}
TARGETS.update(
    {
        "client_flight": (client_flight, 150),
        "client_with_keys": (client_with_keys, 150),
        "server_with_keys": (server_with_keys, 200),
        "connected_client": (connected_client, 100),
        "server_client_hello": (server_client_hello, 200),
        "server_flight": (server_flight, 150),
        "connected_server": (connected_server, 150),
        "any_records": (any_records, 300),
        "certificate_chain": (certificate_chain, 800),
        "trust_store": (trust_store, 20000),
    }
)


def of_draw(target):
    """Return a target of tls12_targets.py or large_record_targets.py as one of bytes."""

    def fuzz(data):
        target(sys.modules[__name__], Draw(data))

    return fuzz


for module in (tls12_targets, large_record_targets, dtls_targets):
    TARGETS.update({name: (of_draw(target), runs) for name, target, runs in module.TARGETS})
