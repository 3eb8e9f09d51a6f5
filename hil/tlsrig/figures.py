"""The figures of one cell: from the board's marks, the link's transcript and the firmware.

Each figure names the method that produced it; one that cannot be had on a board is kept without a
value and with the reason. What goes over the wire is counted on the host, in the bytes the link
delivered, so that board and peer cannot disagree about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hil.image import Firmware
from hil.link import BOARD_TO_PEER, PEER_TO_BOARD, Chunk, Direction
from hil.link_profile import Account
from hil.measure import Measurement, instructions
from hil.target import Target
from hil.tlsrig import wire

LINK_TIME = "handshake_link_ms"

_NO_WAIT = "a recording answers when it likes, so waiting for it says nothing of a peer"
_NO_HEAP_FIGURE = "this board's interpreter does not tell its live heap"


def measurements(
    target: Target,
    firmware: Firmware,
    marks: Mapping[str, Any],
    transcript: Sequence[Chunk],
    stack: Measurement,
    *,
    account: Account | None = None,
    datagrams: bool = False,
    echoed_bytes: int = 0,
    replayed: bool = False,
) -> list[Measurement]:
    """Return every figure of a connection that ran to its end.

    Args:
        target: the board's facts.
        firmware: what it ran.
        marks: `hil_marks` report, taken at the end of the handshake.
        transcript: what the link delivered.
        stack: the board's stack figure, taken after the job.
        account: what the network did, if there was one.
        datagrams: what it carried were datagrams.
        echoed_bytes: size of all payloads that went to the peer and came back.
        replayed: the peer was a recording, and the board had the seed of the recording.
    """
    figures = [
        _heap(marks),
        stack,
        *_static(firmware),
        *_compute(target, marks, replayed),
        *_echo(target, marks, echoed_bytes, replayed),
        _wall(target, marks, replayed),
    ]
    if account is not None:
        figures.append(_link_time(account, replayed))
    if account is not None and datagrams:
        return [*figures, *_of_datagrams(account)]
    sent, received = _stream(transcript, BOARD_TO_PEER), _stream(transcript, PEER_TO_BOARD)
    for name, stream in (("sent", sent), ("received", received)):
        method = "counted on the link, whole connection"
        figures.append(Measurement(f"bytes_{name}", len(stream), "bytes", method))
        count = sum(1 for _ in wire.RecordSplitter().push(stream))
        figures.append(Measurement(f"records_{name}", count, "count", method))
    return figures


def _link_time(account: Account, replayed: bool) -> Measurement:
    handshake_ms = account.handshake_ms
    missing = _NO_WAIT if replayed else "it never came to that"
    return Measurement(
        LINK_TIME,
        None if handshake_ms is None else round(handshake_ms, 1),
        "ms",
        "clock of the link: from the first octet until both ends were connected",
        reason=missing if handshake_ms is None else None,
    )


def _of_datagrams(account: Account) -> Iterable[Measurement]:
    """Return what became of datagrams."""
    for name, tally in (("sent", account.to_peer), ("received", account.to_board)):
        method = "handed to the link by the end they come from, whole connection"
        yield Measurement(f"bytes_{name}", tally.sent_bytes, "bytes", method)
        yield Measurement(f"datagrams_{name}", tally.sent, "count", method)
    lost = account.to_peer.lost + account.to_board.lost
    yield Measurement("datagrams_lost", lost, "count", "lost by the link, both directions")


def _heap(marks: Mapping[str, Any]) -> Measurement:
    live = [heap for _, _, heap in marks["checkpoints"] if heap is not None]
    method = f"largest live heap at {len(marks['checkpoints'])} checkpoints, collected first"
    if not live:
        return Measurement("heap_live_peak_bytes", None, "bytes", method, reason=_NO_HEAP_FIGURE)
    return Measurement("heap_live_peak_bytes", max(live), "bytes", method)


def _static(firmware: Firmware) -> Iterable[Measurement]:
    for name, value, parts in (
        ("ram_static_bytes", firmware.ram_static_bytes, "data and bss"),
        ("flash_image_bytes", firmware.flash_bytes, "text and data"),
    ):
        method = f"sections of the linked image: {parts}"
        reason = (
            f"image {firmware.image!r} runs as a program of the host" if value is None else None
        )
        yield Measurement(name, value, "bytes", method, reason=reason)
    modules = firmware.flash_by_module
    method = "linker's map: modules of tlscore in the image, names that modules share left out"
    if not modules:
        reason = f"image {firmware.image!r} is not divided into modules"
        yield Measurement("flash_tlscore_bytes", None, "bytes", method, reason=reason)
        return
    ours = [size for name, size in modules.items() if name.partition(".")[0] == "tlscore"]
    yield Measurement("flash_tlscore_bytes", sum(ours), "bytes", method)


def _compute(target: Target, marks: Mapping[str, Any], replayed: bool) -> Iterable[Measurement]:
    counts = {"handshake_instructions": marks["instructions"]}
    for phase, count in (marks["phases"] or {}).items():
        counts[f"phase.{phase}.instructions"] = count
    shift = target.boot.arguments.get("icount_shift")
    for name, count in counts.items():
        yield instructions(
            name,
            count,
            icount_shift=shift if isinstance(shift, int) else None,
            replayed=replayed,
            reason=target.no_instruction_count_reason,
        )


def _echo(
    target: Target, marks: Mapping[str, Any], echoed_bytes: int, replayed: bool
) -> Iterable[Measurement]:
    """Return what sealing and opening the echoed payloads took; nothing where there were none."""
    counts = {name: count for name, count, _ in marks["checkpoints"]}  # the last one of a name
    if not echoed_bytes or not {"connected", "echo"} <= counts.keys():
        return
    before, after = counts["connected"], counts["echo"]
    shift = target.boot.arguments.get("icount_shift")
    figure = instructions(
        "echo_instructions",
        None if before is None or after is None else after - before,
        icount_shift=shift if isinstance(shift, int) else None,
        replayed=replayed,
        reason=target.no_instruction_count_reason,
    )
    what = f"{echoed_bytes} bytes sealed and as many opened"
    yield replace(figure, method=f"{figure.method}; {what}")


def _wall(target: Target, marks: Mapping[str, Any], replayed: bool) -> Measurement:
    virtual = target.instructions_per_tick is not None
    clock = "virtual clock of the emulator (icount)" if virtual else "ticks_us"
    method = f"board's {clock}, waiting and checkpoints included"
    if target.klass == "attached":
        method = f"silicon, {method}"
    if not target.counted:
        reason = "an emulator that does not count instructions goes as fast as its host"
        return Measurement("handshake_wall_ms", None, "ms", method, reason=reason)
    if replayed:
        return Measurement("handshake_wall_ms", None, "ms", method, reason=_NO_WAIT)
    return Measurement("handshake_wall_ms", round(marks["wall_us"] / 1000, 3), "ms", method)


def _stream(transcript: Sequence[Chunk], direction: Direction) -> bytes:
    return b"".join(chunk.data for chunk in transcript if chunk.direction == direction)
