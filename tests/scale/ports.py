"""Serves the ports of many stub boards in one process: `python tests/scale/ports.py COUNT`.

Each port is one board behind RFC 2217, or behind a bare socket, and takes one client at a time, as
servers of serial ports do. The first line that is printed has the ports' numbers. What happens is
appended to a file, a line each: when (CLOCK_MONOTONIC, seconds), the port, and what: "open",
"begin" and "end" of work, "close", "refused" where a second client came.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

from serial.rfc2217 import PortManager
from stub import StubBoard


class Server:
    """All ports, in one loop."""

    def __init__(self, scheme: str, events: Path) -> None:
        self._is_rfc2217 = scheme == "rfc2217"
        self._events = events.open("a", buffering=1)
        self._busy: set[int] = set()

    async def listen(self) -> int:
        """Serve one more port and return its number."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        number: int = server.sockets[0].getsockname()[1]
        return number

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port: int = writer.get_extra_info("sockname")[1]

        def note(what: str) -> None:
            self._events.write(f"{time.monotonic():.6f} {port} {what}\n")

        if port in self._busy:
            note("refused")
            writer.write(b"port already in use\r\n")
            writer.close()
            return
        self._busy.add(port)
        note("open")
        try:
            await self._talk(reader, writer, note)
        except ConnectionError:
            pass  # the client was killed
        finally:
            self._busy.discard(port)
            note("close")
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _talk(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        note: Callable[[str], None],
    ) -> None:
        later = asyncio.get_running_loop().call_later
        if not self._is_rfc2217:
            board = StubBoard(writer.write, later, note)
            while data := await reader.read(4096):
                board.receive(data)
            return
        manager = PortManager(_lines(), writer)
        board = StubBoard(lambda said: writer.write(b"".join(manager.escape(said))), later, note)
        while data := await reader.read(4096):
            board.receive(b"".join(manager.filter(data)))


def _lines() -> SimpleNamespace:
    """Return what PortManager wants of a serial port."""
    settings = {"baudrate": 115_200, "bytesize": 8, "parity": "N", "stopbits": 1}
    lines = {"cts": True, "dsr": True, "cd": True, "ri": False, "dtr": False, "rts": False}
    flow = {"xonxoff": False, "rtscts": False, "break_condition": False}
    empty = {"reset_input_buffer": lambda: None, "reset_output_buffer": lambda: None}
    return SimpleNamespace(**settings, **lines, **flow, **empty)


async def _main(options: argparse.Namespace) -> None:
    server = Server(options.scheme, options.events)
    numbers = [await server.listen() for _ in range(options.count)]
    print(*numbers, flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """Serve until this process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, help="how many boards")
    parser.add_argument("--scheme", choices=("rfc2217", "socket"), default="rfc2217")
    parser.add_argument("--events", type=Path, required=True, help="file that is appended to")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()
