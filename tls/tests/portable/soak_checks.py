"""Sessions of secure_sock without end: opened, used, renewed, resumed, abandoned, evicted, closed.

A client's and a server's socks talk to each other in one process, over transports in memory: TLS
over a stream, DTLS over datagrams in which clients change their address in mid-session (RFC 9146).
What the heap holds after a few rounds it must hold after any number of them, and every slot must be
free then.
Runs on CPython and on boards, with the stacks they have.
"""

import gc

from tlscore.clock import FixedClock
from tlscore.entropy import HmacDrbg
from tlscore.errors import TlsError
from tlscore.sockets import credentials, secure_sock

_IDENTITY, _KEY = b"device 1", bytes(range(16))
_PSK_CCM_8, _CCM = 0xC0A8, 0x1304
_SLOTS = 2
_TEXT = b"one of ten thousand messages"
_ANSWER = memoryview(bytearray(64))
_WORK_MAX = 200  # rounds of polling that any one thing may take
# What a client does with its session, in turns.
_ACTS = ("close", "renew", "close", "resume", "move", "vanish", "evict")


class Pipe:
    """One end of a stream in memory."""

    other = None

    def __init__(self):
        self._heard = bytearray()
        self._is_over = False

    def readinto(self, buffer):
        count = min(len(buffer), len(self._heard))
        if not count:
            return 0 if self._is_over else None
        memoryview(buffer)[:count] = memoryview(self._heard)[:count]
        self._heard = self._heard[count:]
        return count

    def write(self, data):
        self.other._heard.extend(data)
        return len(data)

    def wait(self, _timeout_ms):
        return True

    def close(self):
        self.other._is_over = True

    def cut(self):
        """Carry nothing more."""
        self.close()
        self.other = Pipe()


class Streams:
    """The acceptor of a server, and the maker of its clients' transports."""

    def __init__(self):
        self._waiting = []

    def client(self):
        here, there = Pipe(), Pipe()
        here.other, there.other = there, here
        self._waiting.append(there)
        return here

    def accept(self):
        return self._waiting.pop(0) if self._waiting else None

    def wait(self, _timeout_ms):
        return True

    def close(self):
        self._waiting = []


class Post:
    """One address on a network of datagrams in memory.

    Args:
        network: dict of addresses to Posts.
    """

    def __init__(self, network, address):
        self._network = network
        self._letters = []
        self.address = None
        self.move(address)

    def move(self, address):
        """Have another address from now on."""
        self._network.pop(self.address, None)
        self.address = address
        self._network[address] = self

    def recvfrom_into(self, buffer):
        if not self._letters:
            return None
        sender, data = self._letters.pop(0)
        buffer[: len(data)] = data
        return len(data), sender

    def sendto(self, data, peer):
        there = self._network.get(peer)
        if there is not None:
            there._letters.append((self.address, bytes(data)))

    def wait(self, _timeout_ms):
        return True

    def close(self):
        self._network.pop(self.address, None)

    def cut(self):
        """Carry nothing more."""
        self.close()
        self._network = {}


class Soak:
    """Both ends of one kind of session, and what has been done with them.

    Args:
        kind: "tls", "dtls", "dtls13", or "dtls-anew" for one whose server gives no tickets.

    Attributes:
        sessions, messages: how many there were.
        failed: what went wrong.
    """

    def __init__(self, kind):
        self._is_datagram = kind != "tls"
        self._has_key_update = kind in ("tls", "dtls13")
        self._resumes = kind != "dtls-anew"
        self._now = 0
        self._number = 0
        self._network = {}
        self._streams = Streams()
        store = credentials.Credentials()
        store.add("key", credentials.PSK, (_IDENTITY, _KEY))
        self._client = secure_sock.init(self._stack(False), store, _SLOTS, now_ms=self._ms)
        self._server = secure_sock.init(self._stack(True), store, _SLOTS, now_ms=self._ms)
        self._listening = listening = self._server.create("key", **self._options(True))
        listening.on_receive = self._echo
        listening.on_disconnect = self._end
        listening.on_error = self._fail
        server = Post(self._network, _address(0)) if self._is_datagram else self._streams
        listening.listen(server)
        self._heard = 0
        self._vanishing = False
        self.sessions = self.messages = 0
        self.failed = []

    def _ms(self):
        self._now += 1
        return self._now

    def _options(self, is_server):
        if not self._is_datagram:
            return {"psk_modes": (0,), "handshake_buffer_bytes": 256}
        # Servers say how long their ids are, clients that they send what the server wants.
        suite = _CCM if self._has_key_update else _PSK_CCM_8
        options = {"psk_modes": (0,), "suites": (suite,)}
        options["connection_id"] = b"id" if is_server else b""
        return options

    def _stack(self, is_server):
        clock = FixedClock(1_800_000_000)
        entropy = HmacDrbg(b"seed of one end of the soaking %d" % is_server)
        tickets = None
        if is_server and self._resumes:
            from tlscore.tickets import TicketKeys

            tickets = TicketKeys(entropy, clock)
        if self._is_datagram:
            from tlscore.sockets.dtls_stack import DtlsStack

            return DtlsStack(
                entropy,
                clock,
                version=0x0304 if self._has_key_update else 0x0303,
                now_ms=self._ms,
                datagram_bytes=600,
                mailbox_bytes=128,
                resumes=tickets,
            )
        from tlscore.sockets.tls_stack import TlsStack

        return TlsStack(
            entropy,
            clock,
            record_buffer_bytes=534,
            send_buffer_bytes=768,
            piece_bytes=256,
            tickets=tickets,
        )

    # --- the server

    def _echo(self, sock):
        count = sock.recv(_ANSWER, 0)
        sock.send(_ANSWER[:count])

    def _end(self, sock):
        sock.stop()

    def _fail(self, _sock, error):
        # Who vanishes cuts his stream off: that is as it should be.
        reason = getattr(error, "reason", repr(error))
        if reason != "connection.truncated" or not self._vanishing:
            self.failed.append(reason)

    # --- clients

    def _connect(self):
        sock = self._client.create("key", **self._options(False))
        sock.on_receive = self._count
        sock.on_error = self._fail
        transport = self._transport()
        _begun(sock.connect, transport, None, 0, _address(0))
        self.sessions += 1
        return sock, transport

    def _transport(self):
        """Return that of another client."""
        self._number += 1
        if self._is_datagram:
            return Post(self._network, _address(self._number))
        return self._streams.client()

    def _count(self, sock):
        self._heard += sock.recv(_ANSWER, 0)

    def _until(self, ready):
        for _ in range(_WORK_MAX):
            if ready():
                return
            self._client.poll(0)
            self._server.poll(0)
        self.failed.append("nothing happens")

    def _opened(self):
        sock, transport = self._connect()
        self._until(lambda: sock.connected)
        return sock, transport

    def _say(self, sock, count):
        for _ in range(count):
            self._heard = 0
            sock.send(_TEXT, 0)
            self._until(lambda: self._heard == len(_TEXT))
            self.messages += 1

    def run(self, sessions, messages_each):
        """Go through so many sessions at least, with so many messages each."""
        end = self.sessions + sessions
        turn = 0
        while self.sessions < end and not self.failed:
            self._session(_ACTS[turn % len(_ACTS)], messages_each)
            turn += 1

    def _session(self, act, messages):
        if act == "vanish":
            self._vanish()
            return
        sock, transport = self._opened()
        if act == "evict":
            self._evict(sock)
        elif sock.connected:
            self._say(sock, messages // 2)
            self._change(act, sock, transport)
            self._say(sock, messages - messages // 2)
        sock.stop()
        self._until(self._is_free)

    def _vanish(self):
        """Be gone in mid-handshake: a server of datagrams never learns of it."""
        sock, transport = self._connect()
        self._server.poll(0)
        self._client.poll(0)
        self._server.poll(0)  # over datagrams a cookie has come back by now
        self._vanishing = True
        transport.cut()
        sock.stop()
        self._until(self._is_free)
        self._vanishing = False

    def _evict(self, sock):
        """Open so many sessions that the first one has to go."""
        others = [self._opened()[0] for _ in range(_SLOTS)]
        for other in others:
            self._say(other, 1)
            other.stop()
        try:
            sock.check_pending()
            self.failed.append("not evicted")
        except TlsError as error:
            if error.reason != "sock.evicted":
                self.failed.append(error.reason)

    def _change(self, act, sock, transport):
        if act == "move" and self._is_datagram:
            self._number += 1
            transport.move(_address(self._number))
        elif act == "renew" and self._has_key_update:
            sock.renew()
        elif act in ("renew", "resume"):
            self._renew(sock)

    def _renew(self, sock):
        _begun(sock.renew, self._transport() if self._has_key_update else None, 0)
        self.sessions += 1
        self._until(lambda: sock.connected)
        if sock.facts()["resumed"] != self._resumes:
            self.failed.append("not resumed")

    def _is_free(self):
        return self._client.slots.free == _SLOTS and not self._server.slots.owners()

    def is_whole(self) -> bool:
        """Tell whether every slot can be had: take all of them at both ends."""
        before = self._client.slots.evicted
        socks = [self._opened()[0] for _ in range(_SLOTS)]
        for sock in socks:
            self._say(sock, 1)
        served = len(self._server.slots.owners())
        for sock in socks:
            sock.stop()
        self._until(self._is_free)
        return self._client.slots.evicted == before and served == _SLOTS


def _address(number):
    return ("192.0.2.%d" % (1 + number % 200), 40000 + number % 1000)


def _begun(call, *arguments):
    """Begin what takes its time."""
    try:
        call(*arguments)
    except OSError as error:
        if secure_sock.error_is_fatal(error):
            raise


def _heap_bytes():
    """Return what the heap holds after a collection, or None where nobody counts (CPython)."""
    gc.collect()
    gc.collect()
    return gc.mem_alloc() if hasattr(gc, "mem_alloc") else None


def run(kind, sessions, messages_each, warm_up=14):
    """Soak, after a few rounds that do not count.

    Returns:
        dict: `heap_before`, `heap_after` (bytes), `sessions`, `messages`, `whole` (every slot can
        be had), `failed` (reasons).
    """
    soak = Soak(kind)
    soak.run(warm_up, messages_each)
    before = _heap_bytes()
    sessions_before, messages_before = soak.sessions, soak.messages
    soak.run(sessions, messages_each)
    sessions, messages = soak.sessions - sessions_before, soak.messages - messages_before
    soak.run(warm_up, messages_each)
    after = _heap_bytes()
    return {
        "heap_before": before,
        "heap_after": after,
        "sessions": sessions,
        "messages": messages,
        "whole": soak.is_whole(),
        "failed": soak.failed,
    }


def job(_link, *arguments):
    """Run as a job of the on-board agent; see `run`."""
    return run(*arguments)
