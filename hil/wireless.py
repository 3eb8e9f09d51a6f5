"""A board's radio as its link: which network it joins, and the one connection that is accepted.

Theory of operation. Calls go over the board's cable as ever; only the bytes under test go through
the air. Over the cable the board is sent a small module, name and password of the network, and,
when it has joined, an address and port of this machine with a token that is used once. It connects
there. This machine listens on that one address from just before the board is told to just after the
connection that shows the token; others are closed. That connection is then the link.

The password comes from the environment or from a file that only its owner can read and no
repository holds. It is in no name, argument or message that a report, a log, or a traceback with
its variables (`pytest --showlocals`) would show.

What it does not do: encrypt. The token tells the board from others who find the port; whoever reads
along on the network sees the bytes under test, which are TLS.
"""

from __future__ import annotations

import errno
import hmac
import os
import secrets
import selectors
import socket
import stat
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from hil import paths
from hil.errors import InfraError, JobFailed, WrongFirmware
from hil.link import LinkEndpoint
from hil.target import Target

if sys.version_info >= (3, 11):
    import tomllib
else:  # Python 3.10
    import tomli as tomllib

FILE_VARIABLE = "HIL_WIFI"
# Keys of the file -> variables of the environment, which win.
_VARIABLES = {
    "ssid": "HIL_WIFI_SSID",
    "password": "HIL_WIFI_PASSWORD",
    "host": "HIL_WIFI_HOST",
    "listen": "HIL_WIFI_LISTEN",
}
_MODULE = "hil_wireless"
_TOKEN_BYTES = 16
# Strangers who have connected and said nothing yet, at once, and for how long each.
_STRANGERS = 8
_STRANGER_S = 2.0
_WELCOME = b"+"
# What the news of a job's end may take, beyond the job's own time.
_NEWS_S = 10.0
_AGAIN_S = 0.1
# IEEE 802.11: an SSID has 32 bytes at most, a passphrase of WPA 63.
_LONGEST = {"ssid": 32, "password": 63}
_REASONS = {
    "STAT_WRONG_PASSWORD": "its password is wrong",
    "STAT_NO_AP_FOUND": "it is not in the air here",
    # The constants of the esp32 port that are newer or without a name in older firmware.
    "202": "its password is wrong",
    "201": "it is not in the air here",
}


class Secret(bytes):
    """Bytes that do not show themselves."""

    def __repr__(self) -> str:
        """Say nothing."""
        return "<secret>"

    __str__ = __repr__


@dataclass(frozen=True)
class Access:
    """How boards get onto the network, and from there to this machine.

    Attributes:
        ssid: name of the network.
        password: "" of an open one.
        host: this machine's address as boards see it; found out when None.
        listen: address and port to listen on, for a container or a firewall; `host` and any port
            when None.
    """

    ssid: Secret
    password: Secret = field(repr=False)
    host: str | None = None
    listen: tuple[str, int] | None = None


class Board(Protocol):
    """What is used of a board; see `hil.boot.Board`."""

    link: LinkEndpoint

    def call(self, function: str, *arguments: object, timeout_s: float) -> object:
        """Run a job."""

    def start(self, function: str, *arguments: object) -> None:
        """Begin a job."""

    def wait(self, timeout_s: float) -> object:
        """Return its result."""

    def install(self, module: str, source: str) -> None:
        """Send a module."""


def access_of(target: Target) -> Access | None:
    """Return how a board gets onto the network if its link goes over that; None if it does not.

    Raises:
        InfraError: nothing says how.
    """
    if target.link.driver != "net":
        return None
    return access(None if target.place is None else target.place.wifi)


def access(file: Path | None) -> Access:
    """Return how to get onto the network: from the environment, and what that lacks from a file.

    Args:
        file: that the lab names; what `HIL_WIFI` names wins.

    Raises:
        InfraError: nothing says so, or the file is not fit for a secret.
    """
    named = os.environ.get(FILE_VARIABLE)
    path = Path(named).expanduser() if named else file
    said = {} if path is None else _read(path)
    for key, variable in _VARIABLES.items():
        if variable in os.environ:
            said[key] = Secret(os.environ[variable].encode())
    where = "the environment" if path is None else str(path)
    if not said.get("ssid"):
        raise InfraError(
            f"no wireless network is known: {where} has no ssid; set HIL_WIFI_SSID and "
            "HIL_WIFI_PASSWORD, or name a file with both as `wifi` in [lab] of lab.toml"
        )
    for key, most in _LONGEST.items():
        if len(said.get(key, b"")) > most:
            raise InfraError(f"{where}: {key} is longer than {most} bytes, which no network has")
    host = bytes(said["host"]).decode() if "host" in said else None
    listen = _address(bytes(said["listen"]).decode(), where) if "listen" in said else None
    return Access(said["ssid"], said.get("password", Secret()), host, listen)


def join(board: Board, allowed: Access, *, join_s: float, connect_s: float) -> LinkEndpoint:
    """Bring a board onto the network, and return the connection it makes; jobs get its other end.

    Args:
        board: with a link over its cable.
        join_s: how long it may take to join.
        connect_s: how long it may take to connect.

    Raises:
        InfraError: it cannot join, or does not reach this machine.
    """
    folder = paths.package_dir() / "ontarget" / "wireless"
    board.install(_MODULE, (folder / f"{_MODULE}.py").read_text("utf-8"))
    address = _joined(board, allowed, join_s)
    host = allowed.host or _towards(address)
    token = secrets.token_bytes(_TOKEN_BYTES)
    with ExitStack() as unless_connected:
        with _listener(allowed.listen or (host, 0), connect_s) as listener:
            port = listener.getsockname()[1]
            board.start(f"{_MODULE}:connect", host, port, token, int(connect_s) + 1)
            accepted = _accepted(listener, token, connect_s)
        if accepted is not None:
            unless_connected.enter_context(accepted)
        try:
            board.wait(connect_s + _NEWS_S)
        except JobFailed as error:
            raise InfraError(
                f"the board has joined the network as {address} and does not reach this machine "
                f"at {host}, port {port} ({error.kind}: {error.detail}): a firewall is between, "
                "a network that keeps its members apart, or HIL_WIFI_HOST is to say another one"
            ) from error
        if accepted is None:
            raise InfraError(f"the board says that it has connected to {host}, port {port}")
        unless_connected.pop_all()
    return LinkEndpoint(accepted, carries_end=False)


def _joined(board: Board, allowed: Access, timeout_s: float) -> str:
    """Let the board join and return its address."""
    mask = secrets.token_bytes(len(allowed.ssid) + len(allowed.password) + 2)
    board.start(f"{_MODULE}:join", int(timeout_s * 1000), mask)
    board.link.sendall(_masked(allowed, mask))
    try:
        answer = board.wait(timeout_s + _NEWS_S)
    except JobFailed as error:
        if error.kind in ("ImportError", "AttributeError"):
            raise WrongFirmware(f"the board's firmware has no radio: {error.detail}") from error
        raise InfraError(f"the board's radio refuses: {error.kind}: {error.detail}") from error
    assert isinstance(answer, tuple)
    verdict, detail = answer
    if verdict != "joined":
        reason = _REASONS.get(str(detail), f"the radio's status is {detail}")
        raise InfraError(f"the board has not joined the wireless network: {reason}")
    return str(detail)


def _masked(allowed: Access, mask: bytes) -> bytes:
    """Return what the board is sent; what it prints of that, should it start anew, says nothing."""
    words = (Secret(bytes([len(word)]) + word) for word in (allowed.ssid, allowed.password))
    return bytes(one ^ other for one, other in zip(Secret(b"".join(words)), mask, strict=True))


def _listener(where: tuple[str, int], timeout_s: float) -> socket.socket:
    """Listen; where the port is a fixed one, another board may have it for a moment."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return socket.create_server(where, backlog=_STRANGERS)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and time.monotonic() < deadline:
                time.sleep(_AGAIN_S)
                continue
            raise InfraError(
                f"cannot listen on {where[0]}, port {where[1]}, for the board: {error.strerror}; "
                "correct `listen` (HIL_WIFI_LISTEN), or `host` (HIL_WIFI_HOST)"
            ) from error


def _towards(address: str) -> str:
    """Return this machine's address on the way to another; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        try:
            way.connect((address, 9))
        except OSError as error:
            raise InfraError(f"no way to the board's address {address}: {error}") from error
        own: str = way.getsockname()[0]
        return own


def _accepted(listener: socket.socket, token: bytes, timeout_s: float) -> socket.socket | None:
    """Return the first connection that shows the token, None if there is none in time."""
    deadline = time.monotonic() + timeout_s
    listener.setblocking(False)
    strangers: dict[socket.socket, tuple[bytes, float]] = {}
    with selectors.DefaultSelector() as selector, ExitStack() as ends:
        selector.register(listener, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(min(left, _STRANGER_S)):
                if key.fileobj is listener:
                    connection, _ = listener.accept()
                    ends.callback(connection.close)
                    connection.setblocking(False)
                    strangers[connection] = b"", time.monotonic() + _STRANGER_S
                    selector.register(connection, selectors.EVENT_READ)
                    continue
                connection = key.fileobj  # type: ignore[assignment]
                said = _heard(connection, strangers[connection][0])
                if said is not None and hmac.compare_digest(said, token):
                    accepted = connection.dup()
                    accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    with suppress(OSError):  # then the board says what it makes of that
                        accepted.send(_WELCOME)
                    return accepted
                if said is None or len(said) >= _TOKEN_BYTES:
                    _drop(connection, strangers, selector)
                else:
                    strangers[connection] = said, strangers[connection][1]
            late = [each for each, (_, until) in strangers.items() if time.monotonic() >= until]
            for connection in (*late, *list(strangers)[:-_STRANGERS]):
                if connection in strangers:
                    _drop(connection, strangers, selector)
    return None


def _heard(connection: socket.socket, before: bytes) -> bytes | None:
    """Return all that a connection has said so far; None if it has ended."""
    try:
        more = connection.recv(_TOKEN_BYTES - len(before))
    except OSError:
        return None
    return before + more if more else None


def _drop(
    connection: socket.socket,
    strangers: dict[socket.socket, tuple[bytes, float]],
    selector: selectors.BaseSelector,
) -> None:
    del strangers[connection]
    selector.unregister(connection)
    connection.close()


def _read(path: Path) -> dict[str, Secret]:
    """Read a file of credentials, if it is kept as such a file must be."""
    holder = next((up for up in path.resolve().parents if (up / ".git").exists()), None)
    if holder is not None:
        raise InfraError(f"wifi: {path}: is in the repository {holder}; keep it outside of any")
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & stat.S_IRWXO:
                raise InfraError(f"wifi: {path}: everybody may read it: chmod 600")
            # From here on no variable holds what is secret but as a Secret.
            said = {key: _secret(value) for key, value in tomllib.load(file).items()}
    except OSError as error:
        raise InfraError(f"wifi: {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise InfraError(f"wifi: {path}: is not TOML") from None  # the message may quote the file
    unfit = sorted(key for key, value in said.items() if key not in _VARIABLES or value is None)
    if unfit:
        known = ", ".join(_VARIABLES)
        raise InfraError(f"wifi: {path}: {', '.join(unfit)}: the file has strings {known}")
    return {key: value for key, value in said.items() if value is not None}


def _secret(value: object) -> Secret | None:
    return Secret(value.encode()) if isinstance(value, str) else None


def _address(text: str, where: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon:
        return text, 0
    if not port.isdigit() or int(port) > 65_535:
        raise InfraError(f"{where}: listen: has the form ADDRESS or ADDRESS:PORT")
    return host, int(port)
