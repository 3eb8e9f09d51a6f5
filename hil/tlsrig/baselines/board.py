"""A board that runs a C library's TLS client instead of MicroPython: the reference images.

Such a program knows one job. Its parameters lie in its memory before its CPU runs (QEMU's loader
puts them there), and it says what came of the connection in one line on its console. `boot` makes
of it a board like others: a call of a TLS client's job lets the CPU run, and the line, turned into
the form of that job's result (`tls_jobs.client`), is the answer. So the rig's peers, link, pump and
oracle deal with it as with any board.

What differs stays visible: `firmware` is the reference image's, the result has the program's own
figures under `reference`, and its figures are made by `hil.tlsrig.baselines`.
"""

from __future__ import annotations

import json
import select
import socket
import struct
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from hil import process
from hil.agent import ChannelClosed, Refused
from hil.boot import qemu
from hil.boot.qmp import Monitor, MonitorError
from hil.boot.request import BootRequest
from hil.errors import BootError
from hil.image import Firmware
from hil.target import Target
from hil.tlsrig import keys
from hil.tlsrig.pki import Chain

# images/reference/reference.h, parameters_t
_MAGIC = 0x524C4948
_ECHOES_MAX = 8
_LAYOUT = struct.Struct(f"<4I{_ECHOES_MAX}I32s64s3I256s68s1024s")
_PARAMETERS_SYMBOL = "hil_parameters"
_ANSWER = b"HIL-REFERENCE "
_STX, _ETX = b"\x02", b"\x03"
_READ_BYTES = 65_536
_QMP_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Parameters:
    """What a reference program is told, and all it knows.

    Attributes:
        utc_seconds: the moment that is now.
        seed: of its random generator, 32 bytes.
        server_name: whom it expects to talk to.
        chain: whose root it trusts: by name and key, or as a certificate, as the library wants it.
        echo_bytes: sizes of the payloads it sends and takes back.
        silence_ms: the longest it waits for the peer.
    """

    utc_seconds: int
    seed: bytes
    server_name: str
    chain: Chain
    echo_bytes: Sequence[int]
    silence_ms: int

    def encode(self) -> bytes:
        """Return them as they lie in the program's memory."""
        root = self.chain.trusted_root.certificate
        name, der = root.subject.public_bytes(), root.public_bytes(Encoding.DER)
        _kind, point = keys.public_tuple(self.chain.trusted_root.key)
        echoes = [*self.echo_bytes, *[0] * (_ECHOES_MAX - len(self.echo_bytes))]
        server_name = self.server_name.encode("ascii")
        for what, value, room in (
            ("seed", self.seed, 32),
            ("server name", server_name, 63),
            ("anchor's name", name, 256),
            ("anchor's key", point, 68),
            ("anchor", der, 1024),
        ):
            if len(value) > room:
                raise BootError(f"a reference program has room for {room} bytes of {what}")
        return _LAYOUT.pack(
            _MAGIC,
            self.utc_seconds,
            self.silence_ms,
            len(self.echo_bytes),
            *echoes,
            self.seed,
            server_name,
            len(name),
            len(point),
            len(der),
            name,
            point,
            der,
        )


def boot(
    target: Target,
    firmware: Firmware,
    parameters: Parameters,
    *,
    log_dir: Path,
    heap_bytes: int,
    timeout_multiplier: float = 1.0,
) -> qemu.QemuBoard:
    """Start a reference program and return it as a board whose CPU does not run yet.

    Args:
        target: the emulated board; its image is the reference one.
        firmware: of that image.
        parameters: what the program is told.
        log_dir: where its logs and parameters go.
        heap_bytes: how much memory its library may allocate from.
        timeout_multiplier: stretches every wait.

    Raises:
        BootError: it did not start.
    """
    address = firmware.symbols.get(_PARAMETERS_SYMBOL)
    if address is None:
        raise BootError(f"image {firmware.image} exports no {_PARAMETERS_SYMBOL}")
    log_dir.mkdir(parents=True, exist_ok=True)
    file = log_dir / "parameters.bin"
    file.write_bytes(parameters.encode())
    path = str(file).replace(",", ",,")
    loader = ["-device", f"loader,file={path},addr={address:#x},force-raw=on"]
    request = BootRequest(target, firmware, log_dir, heap_bytes, timeout_multiplier)

    def bring_up(
        request: BootRequest,
        child: process.Child,
        ours: Mapping[str, socket.socket],
        host_ends: ExitStack,
        console_log: Path,
    ) -> qemu.QemuBoard:
        monitor = Monitor(ours["qmp"], timeout_s=_QMP_TIMEOUT_S * timeout_multiplier)
        host_ends.callback(monitor.close)
        return qemu.QemuBoard(
            request,
            child=child,
            channel=LineChannel(ours["console"], monitor, parameters.echo_bytes, target),
            monitor=monitor,
            link=ours["link"],
            console_log=console_log,
        )

    return qemu.start(request, bring_up, loader)


class LineChannel:
    """Carries the one call, which starts the CPU, and turns the one line into its answer."""

    def __init__(
        self,
        console: socket.socket,
        monitor: Monitor,
        echo_bytes: Sequence[int],
        target: Target,
    ) -> None:
        self._console = console
        self._monitor = monitor
        self._echo_bytes = echo_bytes
        self._target = target
        self._token = b""
        self._said = b""

    def submit(self, token: str, function: str, arguments: tuple[object, ...]) -> None:  # noqa: ARG002
        """Let the CPU run; what the program shall do it knows already."""
        if self._token:
            raise ChannelClosed("a reference program makes one connection")
        self._token = token.encode()
        try:
            self._monitor.execute("cont")
        except MonitorError as error:
            raise ChannelClosed(str(error)) from error

    def receive(self, timeout_s: float) -> bytes:
        """Return the answer's frame once its line has come, and otherwise nothing."""
        if not select.select([self._console], [], [], timeout_s)[0]:
            return b""
        data = self._console.recv(_READ_BYTES)
        if not data:
            raise ChannelClosed("the console closed")
        self._said += data
        *lines, self._said = self._said.split(b"\n")
        for line in lines:
            if line.startswith(b"HIL-BOOT"):
                raise Refused(line.decode("ascii", "backslashreplace").strip())
            if line.startswith(_ANSWER):
                said = json.loads(line[len(_ANSWER) :])
                result = result_of(said, self._echo_bytes, self._target)
                return b"%s%s ok %r%s%s" % (_STX, self._token, result, _ETX, self._token)
        return b""

    def settle(self) -> None:
        """Do nothing: there is no next call."""

    def close(self) -> None:
        """Close the console."""
        self._console.close()


def result_of(
    said: Mapping[str, Any], echo_bytes: Sequence[int], target: Target
) -> dict[str, object]:
    """Return what a reference program said in the form of a TLS client's job.

    Args:
        said: its line.
        echo_bytes: the payloads it was told to try; it says which of them came back whole.
        target: whose ticks it counted.
    """
    connected = bool(said["connected"])
    negotiated = {
        name: said[name] if connected else None
        for name in ("version", "suite", "group", "signature")
    }
    return {
        **negotiated,
        "connected": connected,
        "reason": _reason(said),
        "alert_sent": said["alert_sent"] if said["alert_sent"] >= 0 else None,
        "alert_received": said["alert_received"] if said["alert_received"] >= 0 else None,
        "close_sent": bool(said["close_sent"]),
        "close_received": bool(said["close_received"]),
        "exporter": bytes.fromhex(said["exporter"]) or None,
        "echo": [
            (size, bool(whole)) for size, whole in zip(echo_bytes, said["echoes"], strict=False)
        ],
        "key_updates_sent": 0,
        "key_updates_received": 0,
        "took_ticket": False,
        "signatures_verified": said["signatures_verified"],
        "psk_identity": None,
        "resumed": False,
        "marks": marks_of(said, target),
        "reference": dict(said),
    }


def marks_of(said: Mapping[str, Any], target: Target) -> dict[str, object]:
    """Return what it said of its handshake in the form of a report of `hil_marks`.

    Each segment is converted by itself, and freed of what an empty one takes: so the count is exact
    where a tick is less than an instruction, and else no more than a tick off in each segment.

    Raises:
        BootError: it computed in more segments than it could note, or nothing counts its ticks.
    """
    per_tick, ticks = target.instructions_per_tick, said["ticks"]
    if per_tick is None:
        raise BootError(f"{target.name}: {target.no_instruction_count_reason}")
    if len(ticks) < said["segments"]:
        raise BootError(f"a reference program noted {len(ticks)} of {said['segments']} segments")
    empty = round(said["empty_ticks"] * per_tick)
    whole = sum(round(count * per_tick) - empty for count in ticks)
    phases = {
        "signature_verification": round(said["verify_ticks"] * per_tick),
        "key_exchange": round(said["exchange_ticks"] * per_tick),
    }
    return {
        "instructions": whole,
        "phases": {**phases, "rest": whole - sum(phases.values())},
        "segments": said["segments"],
        "wall_us": said["wall_us"],
        "checkpoints": [],
    }


def _reason(said: Mapping[str, Any]) -> str | None:
    if said["error"]:
        return f"library.error_{said['error']}"
    if not said["connected"] or not said["close_received"]:
        return "link.silent"
    return None
