"""The link and the calls of a board over frames on its one console port.

`FramedLink` is the board's `hil.agent.Channel` and has its `LinkEndpoint` at once: `hil.frames` on
a serial port. Two threads serve it. One reads the port; what came for the link goes into a socket
pair, the other end of which is the endpoint, so that whoever uses it can wait on it. The other
thread takes what is put into the endpoint, and asks the board when it is time. What the board
prints goes to the console's log.

Whatever ends it (a port that is gone, a line that damages everything, a board that has started
anew) is told by every later call, and the endpoint sees the end of its stream.

What it does not do: open the port, or start the board's half (`hil.boot.attached`).
"""

from __future__ import annotations

import re
import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import serial

from hil.agent import ChannelClosed, ChannelTimeout
from hil.console import Port, read_some
from hil.errors import HilError
from hil.frames import Exchange, LineFailed
from hil.link import LinkEndpoint

_READ_BYTES = 4096
_LOOK_S = 0.05
# Link bytes that wait here for their frame; the rest waits in the socket.
_QUEUE_BYTES = 1024
# What MicroPython says when it has started, by itself or because somebody reset the board.
_STARTED = re.compile(rb'Type "help\(\)" for more information\.|MPY: soft reboot|rst:0x')
_STARTED_BYTES = 64


class FramedLink:
    """One session of frames on an open port, which stays open when it ends."""

    def __init__(
        self,
        port: Port,
        *,
        session: int,
        payload_bytes: int,
        baud: int,
        log: Path,
    ) -> None:
        """Begin to speak frames; the board's half is starting.

        Args:
            port: nobody else uses it before `stop`.
            session, payload_bytes: as told to the board's half.
            baud: decides how long an answer may take.
            log: of the console, appended to.
        """
        frame_s = 10 * (payload_bytes + 64) / baud
        self._port = port
        self._exchange = Exchange(
            session, payload_bytes, time.monotonic(), patience_s=0.1 + 2 * frame_s
        )
        self._log = log.open("ab", buffering=0)
        self._lock = threading.Condition()
        self._answers = bytearray()
        self._latest_text = b""
        self._to_endpoint = bytearray()
        self._failure: HilError | None = None
        self._stopping = False
        self._endpoint_is_open = True
        endpoint, self._inner = socket.socketpair()
        self._inner.setblocking(False)
        self.endpoint = LinkEndpoint(endpoint, carries_end=False)
        self._wake, self._woken = socket.socketpair()
        self._threads = [
            threading.Thread(target=self._guarded, args=(work,), name=name, daemon=True)
            for work, name in ((self._hear, "hil-frames-in"), (self._speak, "hil-frames-out"))
        ]
        for thread in self._threads:
            thread.start()

    def await_begin(self, timeout_s: float) -> None:
        """Wait until the board's half has been heard of.

        Raises:
            ChannelTimeout, ChannelClosed: it has not.
        """
        self._await(lambda: self._exchange.begun, timeout_s, "it does not speak frames")

    def submit(self, token: str, function: str, arguments: tuple[object, ...]) -> None:
        """Send one call; see `hil.agent.Channel`."""
        with self._lock:
            self._raise_failure()
            self._exchange.call(token, repr((function, arguments)).encode())
            self._send()
        self._wake.send(b"\0")

    def receive(self, timeout_s: float) -> bytes:
        """Return what came of an answer; see `hil.agent.Channel`."""
        with self._lock:
            if not self._answers and self._failure is None:
                self._lock.wait(timeout_s)
            if not self._answers:
                self._raise_failure()
            answers = bytes(self._answers)
            self._answers.clear()
        return answers

    def settle(self) -> None:
        """Do nothing: calls and answers are told apart by their frames."""

    def condition(self) -> str:
        """Say in words how the line has done so far."""
        with self._lock:
            return self._exchange.condition()

    def stop(self, timeout_s: float) -> bool:
        """End the session and the threads; idempotent. The port is the caller's again.

        Returns:
            True when the board's half has said that it ends.
        """
        if not self._stopping:
            with suppress(ChannelClosed, ChannelTimeout):
                self._end(timeout_s)
            self._stopping = True
            self._wake.send(b"\0")
            for thread in self._threads:
                thread.join()
            for owned in (self._inner, self._wake, self._woken, self._log):
                owned.close()
        return self._exchange.ended

    def _end(self, timeout_s: float) -> None:
        with self._lock:
            self._raise_failure()
            self._exchange.end()
            self._send()
        self._await(lambda: self._exchange.ended, timeout_s, "it does not end the session")

    def _await(self, done: Callable[[], bool], timeout_s: float, problem: str) -> None:
        with self._lock:
            self._lock.wait_for(lambda: done() or self._failure is not None, timeout_s)
            if not done():
                self._raise_failure()
                raise ChannelTimeout(f"{problem} within {timeout_s:g} s")

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise type(self._failure)(str(self._failure))

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except HilError as error:
            self._fail(error)
        except serial.SerialTimeoutException as error:
            self._fail(ChannelTimeout(f"the port takes no bytes: {error}"))
        except (serial.SerialException, OSError) as error:
            self._fail(ChannelClosed(f"the port is gone: {error}"))

    def _fail(self, error: HilError) -> None:
        with self._lock:
            if isinstance(error, LineFailed):
                error = ChannelTimeout(f"{error} ({self._exchange.condition()})")
            self._failure = self._failure or error
            self._lock.notify_all()
        with suppress(OSError):  # the endpoint is closed already
            self._inner.shutdown(socket.SHUT_RDWR)

    def _hear(self) -> None:
        while not self._stopping and self._failure is None:
            data = read_some(self._port, _READ_BYTES, _LOOK_S)
            if data is None:
                raise ChannelClosed("the port is gone")
            if not data:
                continue
            with self._lock:
                was_full = self._exchange.queued_bytes >= _QUEUE_BYTES
                arrived = self._exchange.receive(data, time.monotonic())
                self._send()
                self._answers += arrived.talk
                self._to_endpoint += arrived.data
                self._deliver()
                self._note_text(bytes(arrived.text))
                self._lock.notify_all()
                if self._to_endpoint or (was_full and self._exchange.queued_bytes < _QUEUE_BYTES):
                    self._wake.send(b"\0")

    def _speak(self) -> None:
        while not self._stopping and self._failure is None:
            with self._lock:
                self._exchange.tick(time.monotonic())
                self._send()
                self._deliver()
                wait_s = max(0.0, self._exchange.deadline_s - time.monotonic())
                has_room = self._exchange.queued_bytes < _QUEUE_BYTES and self._endpoint_is_open
                outward = [self._inner] if self._to_endpoint else []
            inward = [self._woken, self._inner] if has_room else [self._woken]
            readable, _, _ = select.select(inward, outward, [], wait_s)
            if self._woken in readable:
                self._woken.recv(64)
            if self._inner in readable:
                data = self._inner.recv(_QUEUE_BYTES)
                self._endpoint_is_open = bool(data)
                with self._lock:
                    self._exchange.send(data)

    def _send(self) -> None:
        if self._exchange.outgoing:
            self._port.write(bytes(self._exchange.outgoing))
            self._exchange.outgoing.clear()

    def _deliver(self) -> None:
        try:
            while self._to_endpoint:
                sent = self._inner.send(self._to_endpoint)
                del self._to_endpoint[:sent]
        except BlockingIOError:
            pass  # `_speak` waits for room
        except (BrokenPipeError, ConnectionResetError):
            self._to_endpoint.clear()

    def _note_text(self, text: bytes) -> None:
        if not text:
            return
        self._log.write(text)
        recent = self._latest_text + text
        if not self._exchange.ended and _STARTED.search(recent):
            raise ChannelClosed("the board has started anew in the middle of its work")
        self._latest_text = recent[-_STARTED_BYTES:]
