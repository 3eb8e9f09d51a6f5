"""Calls to the agent through MicroPython's raw REPL, on any serial port.

Getting into the raw REPL and sending source with flow control ("raw paste") is `mpremote`'s work.
What comes back is read here instead of there, because a job may print anything and for ever: the
stream is searched as it comes (`hil.agent`), and every wait has an end.

The form of an execution, from MicroPython's documentation ("Raw mode"): output, EOT, the traceback
of an uncaught exception, EOT, and the prompt ">". The agent begins its output with STX + token, so
an output that begins with EOT says that the board could not even begin the call.
"""

from __future__ import annotations

import contextlib
import io
import struct
import time
from collections.abc import Iterator
from typing import Any

import serial
from mpremote.transport import TransportError  # type: ignore[import-untyped]
from mpremote.transport_serial import SerialTransport  # type: ignore[import-untyped]

from hil import urlhandler
from hil.agent import ChannelClosed, ChannelTimeout, Refused
from hil.console import Console, Port, read_some

_EOT = b"\x04"
_EXECUTION_ENDS = _EOT + _EOT + b">"
_ENTER_RAW_PASTE = b"\x05A\x01"
_RAW_PASTE_ACCEPTED = b"R\x01"
_READ_BYTES = 65_536

assert urlhandler  # imported for `unix://`


class _Transport(SerialTransport):  # type: ignore[misc]
    """mpremote's transport, where no step lasts for ever, whatever a board says meanwhile."""

    limit_s = 10.0

    def read_until(
        self,
        min_num_bytes: int,
        ending: bytes,
        timeout: float | None = 10,
        data_consumer: Any = None,
        timeout_overall: float | None = None,
    ) -> Any:
        overall_s = self.limit_s if timeout_overall is None else timeout_overall
        return super().read_until(min_num_bytes, ending, timeout, data_consumer, overall_s)


class _OpenTransport(_Transport):
    """The transport over a port that is open already."""

    def __init__(self, port: Port) -> None:
        self.in_raw_repl = False
        self.use_raw_paste = True
        self.device_name = ""
        self.mounted = False
        self.is_pty = False
        self.serial = port


class RawRepl:
    """A `hil.agent.Channel` over the raw REPL of one serial port, which it owns."""

    def __init__(self, url: str | Port, *, step_timeout_s: float = 5.0) -> None:
        """Open the port.

        Args:
            url: as `serial.serial_for_url` takes it: a device, `unix://`, `rfc2217://`, ...; or a
                port that is open already, which becomes the channel's.
            step_timeout_s: how long the board may take for one step of the protocol.

        Raises:
            ChannelClosed: the port cannot be opened.
        """
        try:
            if isinstance(url, str):
                self._transport = _Transport(url, timeout=step_timeout_s)
            else:
                self._transport = _OpenTransport(url)
        except (TransportError, serial.SerialException) as error:
            raise ChannelClosed(f"{url}: {error}") from error
        self._transport.limit_s = self._step_timeout_s = step_timeout_s
        self._port: Port = self._transport.serial
        self._port.write_timeout = step_timeout_s
        self._unread_beginning: bytearray | None = None
        self._refusal: Refused | None = None
        self._latest = b""
        self.console = Console(self._port)

    def enter(self, timeout_s: float, *, soft_reset: bool = False) -> None:
        """Interrupt whatever runs and enter the raw REPL.

        Args:
            timeout_s: for each of the steps.
            soft_reset: start the interpreter anew, so that nothing of before is in its heap.

        Raises:
            ChannelTimeout: the board does not answer as MicroPython does.
            ChannelClosed: the port's other end is gone.
        """
        with self._steps(timeout_s), contextlib.redirect_stdout(io.StringIO()):
            self._transport.enter_raw_repl(soft_reset=soft_reset, timeout_overall=timeout_s)
            prompt = self._transport.read_until(1, b">", timeout_overall=timeout_s)
        if not prompt.endswith(b">"):
            raise ChannelTimeout(f"no raw REPL prompt within {timeout_s:g} s, but {prompt[-80:]!r}")

    def execute(self, source: str, timeout_s: float) -> bytes:
        """Run statements on the board and return what they printed.

        Raises:
            Refused: they raised; the message is the traceback.
            ChannelTimeout, ChannelClosed: the board did not finish them.
        """
        self._paste(source)
        output = bytearray()
        deadline = time.monotonic() + timeout_s
        while not output.endswith(_EXECUTION_ENDS[1:]):
            left = deadline - time.monotonic()
            if left <= 0:
                raise ChannelTimeout(f"{source!r} did not end within {timeout_s:g} s")
            output += self._read(left)
        printed, traceback, _ = bytes(output).rsplit(_EOT, 2)
        if traceback:
            raise Refused(traceback.decode("utf-8", "backslashreplace").strip())
        return printed

    def begin(self, source: str) -> None:
        """Start statements that take over the console: what the board says next is not read here.

        Raises:
            ChannelTimeout, ChannelClosed: the board does not take them.
        """
        self._paste(source)

    def leave(self) -> None:
        """Return to the REPL for people."""
        with self._steps(self._step_timeout_s):
            self._transport.exit_raw_repl()

    def submit(self, token: str, function: str, arguments: tuple[object, ...]) -> None:
        """Send one call; see `hil.agent.Channel`.

        In two programs: the constants of one stay in the board's heap until it ends. So a job can
        give up what it was told and does not need any more.
        """
        self._unread_beginning = bytearray()
        self._refusal = None
        try:
            self.execute(f"call=[{token!r},{function!r},{arguments!r}]", self._step_timeout_s)
        except Refused as error:
            self._refusal = error
            return
        self._paste("hil_agent.run(link,*call)")

    def receive(self, timeout_s: float) -> bytes:
        """Return what the board said; see `hil.agent.Channel`."""
        if self._refusal is not None:
            raise self._refusal
        data = self._read(timeout_s)
        if self._unread_beginning is None or not data:
            return data
        beginning = self._unread_beginning
        beginning += data
        if not beginning.startswith(_EOT):
            self._unread_beginning = None
            return bytes(beginning)
        if beginning.endswith(_EXECUTION_ENDS[1:]):
            said = beginning[1:-2].decode("utf-8", "backslashreplace").replace("\r\n", "\n").strip()
            self._unread_beginning = None
            raise Refused(said)
        return b""

    def settle(self) -> None:
        """Read up to the prompt; see `hil.agent.Channel`."""
        deadline = time.monotonic() + self._step_timeout_s
        while not self._latest.endswith(_EXECUTION_ENDS):
            left = deadline - time.monotonic()
            if left <= 0:
                raise ChannelTimeout(f"no prompt within {self._step_timeout_s:g} s of the answer")
            self._read(left)

    def close(self) -> None:
        """Close the port; idempotent."""
        self._port.close()

    def _read(self, timeout_s: float) -> bytes:
        data = read_some(self._port, _READ_BYTES, timeout_s)
        if data is None:
            raise ChannelClosed("the console is closed")
        self._latest = (self._latest + data)[-len(_EXECUTION_ENDS) :]
        return data

    def _paste(self, source: str) -> None:
        self._latest = b""
        with self._steps(self._step_timeout_s):
            self._port.write(_ENTER_RAW_PASTE)
            reply = self._port.read(2)
            if reply != _RAW_PASTE_ACCEPTED:
                raise ChannelTimeout(
                    f"the board answered {reply!r} to raw paste; it needs MicroPython 1.14 or newer"
                )
            self._transport.raw_paste_write(source.encode())

    @contextlib.contextmanager
    def _steps(self, timeout_s: float) -> Iterator[None]:
        self._port.timeout = timeout_s
        try:
            yield
        except serial.SerialTimeoutException as error:
            raise ChannelTimeout(f"the board takes no input: {error}") from error
        except serial.SerialException as error:
            raise ChannelClosed(str(error)) from error
        except (TransportError, struct.error) as error:
            raise ChannelTimeout(f"the raw REPL does not answer: {error}") from error
