"""tlscore.aio with CPython's asyncio: our two ends, and OpenSSL's programs."""

import asyncio

import pytest
import server_identity
from peer_programs import needs_openssl

from tlscore import aio
from tlscore.clock import FixedClock
from tlscore.config import ClientConfig
from tlscore.entropy import SystemEntropy
from tlscore.errors import TlsError
from tlscore.server_config import ServerConfig
from tlscore.tls12.config import ClientConfig as ClientConfig12
from tlscore.trust import TrustAnchors, anchor_from_certificate

WAIT_S = 20
TEXT = b"what is said over every connection\n"


@pytest.fixture
def client(identity):
    def make(name=identity.name, kind=ClientConfig, **options):
        trust = TrustAnchors([anchor_from_certificate(identity.root)])
        return kind(SystemEntropy(), FixedClock(identity.utc_seconds), trust, name, **options)

    return make


@pytest.fixture
def server(identity):
    key = server_identity.private_key(identity.key)
    return ServerConfig(SystemEntropy(), tuple(identity.chain), key)


def run(main):
    return asyncio.run(asyncio.wait_for(main, WAIT_S))


async def echo(reader, writer):
    line = await reader.readline()
    while line:
        writer.write(line)
        await writer.drain()
        line = await reader.readline()


def port_of(server):
    return server.listener.sockets[0].getsockname()[1]


async def serving(config, handler=echo):
    errors = asyncio.Queue()
    server = await aio.start_server(handler, "127.0.0.1", 0, config, on_error=errors.put_nowait)
    return server, port_of(server), errors


def test_many_clients_are_answered_at_once(client, server):
    async def talk(port, number):
        reader, writer = await aio.open_connection("127.0.0.1", port, client())
        for size in (1, 1000, 20_000):
            line = bytes([number + 65]) * size + b"\n"
            writer.write(line)
            await writer.drain()
            assert await reader.readexactly(len(line)) == line
        assert writer.get_extra_info("version") == 0x0304
        assert writer.get_extra_info("peername") == ("127.0.0.1", port)
        writer.close()
        await writer.wait_closed()

    async def main():
        served, port, errors = await serving(server)
        await asyncio.gather(*(talk(port, number) for number in range(3)))
        served.close()
        await served.wait_closed()
        assert errors.empty()

    run(main())


def test_a_server_is_closed_when_its_connections_are(client, server):
    async def main():
        begun, go_on, ended = asyncio.Event(), asyncio.Event(), []

        async def linger(_reader, _writer):
            begun.set()
            await go_on.wait()
            ended.append(True)

        served, port, _ = await serving(server, linger)
        _, writer = await aio.open_connection("127.0.0.1", port, client())
        await begun.wait()
        served.close()
        closed = asyncio.ensure_future(served.wait_closed())
        assert not (await asyncio.wait([closed], timeout=0.05))[0]
        go_on.set()
        await closed
        assert ended == [True]
        writer.close()

    run(main())


def test_the_end_is_the_peers_word_or_an_error(client, server):
    async def says_and_ends(_reader, writer):
        writer.write(TEXT * 3)

    async def is_cut(_reader, writer):
        writer.write(TEXT)
        await writer.drain()
        writer._writer.transport.abort()

    async def main():
        served, port, _ = await serving(server, says_and_ends)
        reader, writer = await aio.open_connection("127.0.0.1", port, client())
        assert await reader.read() == TEXT * 3
        assert await reader.read(10) == b""
        with pytest.raises(EOFError):
            await reader.readexactly(1)
        writer.close()
        served.close()
        served, port, _ = await serving(server, is_cut)
        reader, writer = await aio.open_connection("127.0.0.1", port, client())
        with pytest.raises((TlsError, ConnectionError)):
            await reader.read()
        writer.close()
        served.close()

    run(main())


def test_a_wrong_server_is_refused_and_told(client, server):
    async def main():
        served, port, errors = await serving(server)
        with pytest.raises(TlsError, match=r"certificate\.name_mismatch"):
            await aio.open_connection("127.0.0.1", port, client("other.example"))
        assert (await errors.get()).reason == "alert_received.bad_certificate"
        served.close()

    run(main())


def test_what_was_cancelled_can_be_asked_for_again(client, server):
    async def main():
        served, port, _ = await serving(server)
        reader, writer = await aio.open_connection("127.0.0.1", port, client())
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(reader.readline(), 0.05)
        writer.write(TEXT)
        assert await reader.readline() == TEXT
        writer.close()
        served.close()

    run(main())


@needs_openssl
@pytest.mark.parametrize("kind", [ClientConfig, ClientConfig12])
def test_openssl_says_every_line_backwards(peers, identity, client, kind):
    options = ("-tls1_2",) if kind is ClientConfig12 else ()
    port, _ = peers.openssl(identity, "-rev", *options)

    async def main():
        reader, writer = await aio.open_connection("127.0.0.1", port, client(kind=kind))
        writer.write(b"hello\n")
        assert await reader.readline() == b"olleh\n"
        writer.write(b"CLOSE\n")
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()

    run(main())
