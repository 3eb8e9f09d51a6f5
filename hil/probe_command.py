"""`hil probe`: what is plugged in, which boards these are, and a target file for a new one.

Exit status 0: done. 1: a board that was to be asked did not answer.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.text import Text

from hil import paths, probe, probe_draft, tables, target
from hil.errors import HilError
from hil.lab import inventory, lease
from hil.probe import Drive, Plugged
from hil.probe_ask import Answer, ask, narrowed
from hil.target import Target

_ASK_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Found:
    """A port with what is known of the board behind it."""

    entry: Plugged
    targets: Sequence[Target]
    answer: Answer | None = None
    trouble: str | None = None


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `probe` to the command line of `hil`."""
    parser = commands.add_parser(
        "probe",
        help="show what is plugged in, which boards these are, and a target file for a new one",
        description="List serial ports with the USB devices behind them, and which target each is.",
    )
    parser.add_argument("ports", nargs="*", metavar="PORT", help="devices or URLs (default: all)")
    parser.add_argument(
        "--ask",
        action="store_true",
        help="ask MicroPython itself, which interrupts whatever runs on the board",
    )
    parser.add_argument("--baud", type=int, default=115_200, help="for --ask (default: 115200)")
    parser.add_argument(
        "--timeout",
        type=float,
        default=_ASK_TIMEOUT_S,
        metavar="SECONDS",
        help=f"how long a board may take for each step of --ask (default: {_ASK_TIMEOUT_S:g})",
    )
    inventory.add_target_options(parser)
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Look, ask, show, and return the exit status."""
    kinds = target.load_all(paths.targets_dir(), *options.target_dir)
    file = inventory.find(options.lab, Path.cwd())
    lab = None if file is None else inventory.load(file, kinds)
    known = kinds if lab is None else lab.among(kinds)
    entries = probe.plugged_in()
    if options.ports:
        entries = [_chosen(port, entries) for port in options.ports]
    folder = lease.folder(None if lab is None else lab.leases)
    leases = lease.Leases(folder, "hil probe --ask")
    found = [_found(entry, known, leases, options) for entry in entries]
    drives = [] if options.ports else probe.without_port(entries, probe.drives())
    if options.format == "json":
        sys.stdout.write(_json(found, drives))
    else:
        sys.stdout.write(_text(found, drives))
    sys.stdout.flush()
    return 1 if any(one.trouble for one in found) else 0


def _chosen(port: str, entries: Sequence[Plugged]) -> Plugged:
    """Return what is plugged in under a name; a port that nobody listed stands for itself."""
    key = lease.key_of(port)
    return next(
        (entry for entry in entries if lease.key_of(entry.device) == key), probe.named(port)
    )


def _found(
    entry: Plugged,
    known: Mapping[str, Target],
    leases: lease.Leases,
    options: argparse.Namespace,
) -> Found:
    targets = probe.matching(entry, known)
    if not options.ask:
        return Found(entry, targets)
    try:
        answer = ask(entry.device, options.baud, leases, options.timeout)
    except HilError as error:
        return Found(entry, targets, trouble=str(error))
    return Found(entry, narrowed(targets, answer), answer)


def _text(found: Sequence[Found], drives: Sequence[Drive]) -> str:
    if not found and not drives:
        return "no USB serial port and no drive of an interface chip is plugged in\n"
    parts = [_table(found)] if found else []
    for drive in drives:
        parts.append(f"drive {drive.mounted_at} goes with none of these ports\n")
    for one in found:
        parts += [f"warning: {line}\n" for line in one.entry.warnings]
        if one.trouble:
            parts.append(f"no answer: {one.trouble}\n")
    parts += [_draft(one, number) for number, one in enumerate(found, 1)]
    return "".join(parts)


def _draft(one: Found, number: int) -> str:
    """Return what to paste where for a board that the lab does not have."""
    if any(chosen.place is not None for chosen in one.targets):
        return ""
    if one.targets:
        name, text = one.targets[0].name, ""
        if len(one.targets) > 1:
            names = ", ".join(chosen.name for chosen in one.targets)
            text = f"\n{one.entry.port} may be any of {names}: their USB chip is the same"
    else:
        name = probe_draft.board_name(one.entry, one.answer)
        text = f"\nno target file fits {one.entry.port}; a new one:\n\n"
        text += probe_draft.target_file(one.entry, one.answer)
    row = probe_draft.lab_row(one.entry, name, number)
    return f"{text}\nfor {inventory.FILE_NAME}:\n\n{row}"


def _table(found: Sequence[Found]) -> str:
    table = tables.empty_table()
    for title in ("port", "USB", "serial", "says", "target"):
        table.add_column(title, overflow="fold")
    for one in found:
        entry = one.entry
        usb = tables.MISSING
        if entry.usb_vendor_id is not None and entry.usb_product_id is not None:
            usb = f"{entry.usb_vendor_id:04x}:{entry.usb_product_id:04x}"
        drive = f"\ndrive {entry.drive.mounted_at}" if entry.drive else ""
        port = entry.port if entry.port == entry.device else f"{entry.port}\n{entry.device}"
        cells = (port, usb, entry.usb_serial or tables.MISSING, _says(one) + drive, _names(one))
        table.add_row(*(Text(text) for text in cells))
    return tables.render([table], tables.stdout_columns())


def _names(one: Found) -> str:
    return "\n".join(chosen.name for chosen in one.targets) or "none fits"


def _says(one: Found) -> str:
    if one.answer is None:
        return one.entry.product or tables.MISSING
    answer = one.answer
    return f"{answer.implementation} {answer.version}, {answer.machine}"


def _json(found: Sequence[Found], drives: Sequence[Drive]) -> str:
    document = {
        "ports": [
            {
                **asdict(one.entry),
                "targets": [chosen.name for chosen in one.targets],
                "answer": None if one.answer is None else asdict(one.answer),
                "trouble": one.trouble,
            }
            for one in found
        ],
        "drives": [asdict(drive) for drive in drives],
    }
    return json.dumps(document, indent=2, default=str) + "\n"
