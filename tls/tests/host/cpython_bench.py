"""Measures tlscore beside tlslite-ng, two TLS stacks in pure Python, on this CPython in one run.

    python tls/tests/host/cpython_bench.py [--seconds=1] [--rounds=5] [--json]

What is measured, for each stack alone, both ends of a connection in one thread and no sockets:

- `handshake`: whole TLS 1.3 handshakes (client and server, X25519, TLS_AES_128_GCM_SHA256) a
  second, with a server's certificate on P-256 or of RSA-2048;
- `records`: application data sealed by the client and opened by the server in full records of
  16,384 bytes and in records of 1,024, bytes a second.

The two take turns, round by round, and what counts is the processor's time of this process, so that
another load on the machine meets both. The result is the median of the rounds.

Neither has help in C but Python's own `hashlib` and `hmac`: tlslite-ng is told to use its `python`
ciphers, and a run is refused if it found gmpy, M2Crypto or PyCrypto. tlscore does more: its client
verifies the server's certificate against its root (one more signature), which tlslite-ng does not.
"""

import argparse
import json
import statistics
import sys
import time
import warnings
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from tlscore.client import ClientConnection
from tlscore.clock import FixedClock
from tlscore.config import ClientConfig
from tlscore.entropy import SystemEntropy
from tlscore.server import ServerConnection
from tlscore.server_config import ServerConfig
from tlscore.trust import TrustAnchors, anchor_from_certificate

sys.path.insert(0, str(Path(__file__).parent))
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it imports asyncore
    import server_double
    from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey
    from tlslite.utils import cryptomath
    from tlslite.x509 import X509

# What is measured -> (signature scheme of the server's key, suite, bytes of a record or 0).
CASES = {
    "handshake P-256": (0x0403, 0x1301, 0),
    "handshake RSA-2048": (0x0804, 0x1301, 0),
    "records AES-128-GCM 16384": (0x0403, 0x1301, 16384),
    "records AES-128-GCM 1024": (0x0403, 0x1301, 1024),
    "records ChaCha20-Poly1305 16384": (0x0403, 0x1303, 16384),
    "records ChaCha20-Poly1305 1024": (0x0403, 0x1303, 1024),
}
_CIPHERS = {0x1301: "aes128gcm", 0x1303: "chacha20-poly1305"}


class HelpedError(Exception):
    """tlslite-ng found one of its optional helpers in C: what it does is not pure Python."""


class OurStack:
    """Connections of tlscore.

    Args:
        identity: of the server, see `server_double.Identity`.
        suite: code of the one suite both offer.
    """

    name = "tlscore"

    def __init__(self, identity, suite):
        clock = FixedClock(identity.utc_seconds)
        trust = TrustAnchors([anchor_from_certificate(identity.root)])
        choice = {"suites": (suite,), "groups": (29,)}
        full = {"record_buffer_bytes": 16384 + 256 + 5, "send_buffer_bytes": 16384 + 256 + 5}
        self._client = ClientConfig(SystemEntropy(), clock, trust, identity.name, **choice, **full)
        key = server_double.private_key(identity.key)
        self._server = ServerConfig(SystemEntropy(), tuple(identity.chain), key, **choice, **full)

    def connect(self):
        """Return (client, server), connected."""
        client, server = ClientConnection(self._client), ServerConnection(self._server)
        while len(client.to_send()) or len(server.to_send()):
            for source, sink in ((client, server), (server, client)):
                pending = source.to_send()
                if len(pending):
                    size = sink.receive(pending)
                    source.sent(size)
        return client, server

    def carry(self, ends, text):
        """Send a record's text from client to server."""
        client, server = ends
        rest = memoryview(text)
        heard = 0
        while heard < len(text):
            rest = rest[client.write(rest) :]
            pending = client.to_send()
            while len(pending):
                client.sent(server.receive(pending))
                heard += len(server.read())
                pending = client.to_send()
        return heard


class TlsliteStack:
    """Connections of tlslite-ng; the arguments are those of `OurStack`."""

    name = "tlslite-ng"

    def __init__(self, identity, suite):
        loaded = [name for name in vars(cryptomath) if name.lower().endswith("loaded")]
        if any(getattr(cryptomath, name) for name in loaded) or "gmpy2" in sys.modules:
            raise HelpedError("tlslite-ng has a helper in C: take gmpy, M2Crypto, PyCrypto away")
        pem = identity.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        self._key = parsePEMKey(pem.decode(), private=True, implementations=["python"])
        leaf = X509()
        leaf.parseBinary(bytearray(identity.chain[0]))
        self._chain = X509CertChain([leaf])
        settings = HandshakeSettings()
        settings.minVersion = settings.maxVersion = (3, 4)
        settings.cipherImplementations = ["python"]
        settings.cipherNames = [_CIPHERS[suite]]
        settings.eccCurves = ["x25519", "secp256r1"]
        settings.keyShares = ["x25519"]
        settings.ticket_count = 0
        settings.certificate_compression_send = []
        self._settings = settings

    def connect(self):
        """Return (client, server), connected."""
        ends = _Pipe(), _Pipe()
        ends[0].peer, ends[1].peer = ends[1], ends[0]
        client, server = TLSConnection(ends[0]), TLSConnection(ends[1])
        waiting = [
            client.handshakeClientCert(settings=self._settings, async_=True),
            server.handshakeServerAsync(
                certChain=self._chain, privateKey=self._key, settings=self._settings
            ),
        ]
        while waiting:
            waiting = [each for each in waiting if next(each, None) is not None]
        return client, server

    def carry(self, ends, text):
        """Send a record's text from client to server."""
        client, server = ends
        client.write(text)
        heard = 0
        while heard < len(text):
            heard += len(server.read(max=len(text), min=1))
        return heard


class _Pipe:
    """What tlslite-ng takes for its socket: what one end sends the other receives."""

    def __init__(self):
        self.peer = None
        self._heard = bytearray()

    def send(self, data):
        self.peer._heard += data
        return len(data)

    def sendall(self, data):
        self.send(data)

    def recv(self, room):
        if not self._heard:
            raise BlockingIOError(11, "nothing to read")
        piece = bytes(self._heard[:room])
        del self._heard[:room]
        return piece

    def setsockopt(self, *_):
        """Accept every option."""

    def close(self):
        """Keep what is not read yet."""


def handshakes(stack, seconds):
    """Return handshakes a second of processor time, measured for at least `seconds`."""
    count, start = 0, time.process_time()
    while True:
        stack.connect()
        count += 1
        passed = time.process_time() - start
        if passed >= seconds:
            return count / passed


def throughput(stack, ends, record_bytes, seconds):
    """Return bytes a second of processor time, sealed at one end and opened at the other."""
    text = bytes(record_bytes)
    count, start = 0, time.process_time()
    while True:
        count += stack.carry(ends, text)
        passed = time.process_time() - start
        if passed >= seconds:
            return count / passed


def measure(case, seconds=1.0, rounds=5):
    """Measure both stacks in turns.

    Args:
        case: a key of `CASES`.
        seconds: processor time of one round of one stack.

    Returns:
        Name of the stack -> median rate: handshakes or bytes a second.

    Raises:
        HelpedError: tlslite-ng would be more than Python.
    """
    scheme, suite, record_bytes = CASES[case]
    identity = server_double.Identity(scheme=scheme)
    stacks = [
        (each, each.connect())
        for each in (OurStack(identity, suite), TlsliteStack(identity, suite))
    ]
    rates = {stack.name: [] for stack, _ in stacks}
    for _ in range(rounds):
        for stack, ends in stacks:
            if record_bytes:
                rate = throughput(stack, ends, record_bytes, seconds)
            else:
                rate = handshakes(stack, seconds)
            rates[stack.name].append(rate)
    return {name: statistics.median(values) for name, values in rates.items()}


def main():
    """Print a line for each case."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="processor time of one round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--case", action="append", choices=tuple(CASES))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = {}
    for case in options.case or CASES:
        results[case] = measure(case, options.seconds, options.rounds)
        if not options.json:
            ours, theirs = results[case].values()
            print(
                f"{case:32} {ours:12,.1f} {theirs:12,.1f} /s   {ours / theirs:5.2f} x", flush=True
            )
    if options.json:
        print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
