"""Echo with asyncio, on CPython and on MicroPython: any number of clients at once.

aio_echo.py server 127.0.0.1 8443 "device 1" 000102030405060708090a0b0c0d0e0f
aio_echo.py client 127.0.0.1 8443 "device 1" 000102030405060708090a0b0c0d0e0f
"""

import asyncio

from tlscore import aio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


async def client(host: str, port: int, config: "Any", lines: "Any") -> "list[bytes]":
    """Say each line to a server of TCP, and return what came back."""
    reader, writer = await aio.open_connection(host, port, config)
    return await say(reader, writer, lines)


async def say(reader: "Any", writer: "Any", lines: "Any") -> "list[bytes]":
    """Say each line, return what came back, and close."""
    answers = []
    for line in lines:
        writer.write(line)
        await writer.drain()
        answers.append(await reader.readline())
    writer.close()
    await writer.wait_closed()
    return answers


async def echo(reader: "Any", writer: "Any") -> int:
    """Say back every line until the client has ended; return how many bytes that were."""
    done = 0
    line = await reader.readline()
    while line:
        writer.write(line)
        await writer.drain()
        done += len(line)
        line = await reader.readline()
    return done


async def serve(host: str, port: int, config: "Any", clients: int) -> None:
    """Say back what clients say, until so many have ended; 0: for ever."""
    left = [clients]
    over = asyncio.Event()

    async def serve_one(reader: "Any", writer: "Any") -> None:
        await echo(reader, writer)
        left[0] -= 1
        if not left[0]:
            over.set()

    def failed(error: Exception) -> None:
        print(repr(error))

    server = await aio.start_server(serve_one, host, port, config, on_error=failed)
    print("ready")
    await over.wait()
    server.close()
    await server.wait_closed()


def main() -> None:
    """Run the command line."""
    from desk import LINES, Arguments, client_config, server_config

    arguments = Arguments()
    host, port = arguments.host, arguments.port
    if arguments.role == "client":
        for answer in asyncio.run(client(host, port, client_config(arguments), LINES)):
            print(answer.decode().strip())
    else:
        asyncio.run(serve(host, port, server_config(arguments), arguments.clients))


if __name__ == "__main__":
    main()
