"""`hil explain`: the annotated page of a cell's handshake, from what its report has kept.

Reads the capture with its key log, and what else helps to check proofs: the certificates of the
run, and the pre-shared keys in the board's own options. `hil` finds this command by its entry point
(group `hil.commands`). No board and no peer is needed, and nothing is run.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from hil import document
from hil.document import Document
from hil.errors import HilError
from hil.report import write_page

PAGE = "explained.html"
_NEAR = 8
# Sizes of the two hashes of TLS 1.3, which are those of tickets' keys.
_KEY_BYTES = (32, 48)


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `explain` to the command line of `hil`."""
    explaining = commands.add_parser(
        "explain",
        help="make the annotated page of a cell's handshake, byte by byte",
        description="Make a page of every byte of a cell's handshake, named and decrypted.",
    )
    explaining.add_argument(
        "cell", metavar="CELL", help="the cell's name, TARGET-PEER-SCENARIO, or a part of it"
    )
    explaining.add_argument(
        "--report",
        type=Path,
        metavar="DIR",
        help="folder of the report (default: the newest in reports/)",
    )
    explaining.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help=f"default: {PAGE} with its artefacts"
    )
    explaining.add_argument(
        "--first",
        action="store_true",
        help="the first connection of a cell that resumes it, which gave the ticket",
    )
    explaining.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """`hil explain`: write the page and say where it is."""
    directory: Path = options.report or newest(Path("reports"))
    if directory.is_file():
        directory = directory.parent
    report = document.read(directory)
    cell = choose(report["cells"], options.cell)
    artefacts = {name: directory / path for name, path in cell["artefacts"].items()}
    text = explained(report, cell, artefacts, first=options.first)
    output: Path = options.output or directory / "artefacts" / name_of(cell) / PAGE
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, "utf-8")
    except OSError as error:
        raise HilError(f"the page cannot be written: {error}") from error
    if options.output is None:
        write_page(report, directory)  # it links to this one from now on
    sys.stdout.write(f"{output}\n")
    return 0


def newest(reports: Path) -> Path:
    """Return the folder of the report that was written last.

    Raises:
        HilError: there is none.
    """
    found = sorted(reports.glob("*/report.json"), key=lambda file: file.stat().st_mtime)
    if not found:
        raise HilError(f"{reports}/ holds no report: name one with --report")
    return found[-1].parent


def name_of(cell: Document) -> str:
    """Return a cell's name, as its test and its artefacts' folder have it."""
    return "-".join(part for part in (cell["target"], cell["peer"], cell["scenario"]) if part)


def choose(cells: Sequence[Document], wanted: str) -> Document:
    """Return the one cell of that name, or whose name has it in it.

    Raises:
        HilError: none or several; the message lists which come near.
    """
    by_name = {name_of(cell): cell for cell in cells}
    if wanted in by_name:
        return by_name[wanted]
    matching = [name for name in by_name if wanted in name]
    # `x509-p256` shall mean that scenario and not its variants as well.
    matching = [name for name in matching if name.endswith(f"-{wanted}")] or matching
    if len(matching) == 1:
        return by_name[matching[0]]
    if matching:
        raise HilError(f"{wanted!r} is in the names of several cells: {_listed(matching)}")
    near = difflib.get_close_matches(wanted, by_name, n=_NEAR, cutoff=0.4) or list(by_name)
    raise HilError(f"no cell is called {wanted!r}; there are {_listed(near)}")


def explained(
    report: Document, cell: Document, artefacts: Mapping[str, Path], *, first: bool = False
) -> str:
    """Return the page of a cell.

    Args:
        report: the cell is of.
        cell: of the report.
        artefacts: name -> file.
        first: of two connections the first.

    Raises:
        HilError: there is no capture of it, or an artefact cannot be read.
    """
    # Slow to import, and every `hil` command loads this module.
    from hil.tlsrig import capture  # noqa: PLC0415
    from hil.tlsrig.dissect.exchange import Exchange  # noqa: PLC0415
    from hil.tlsrig.explain import facts as explanation_facts  # noqa: PLC0415
    from hil.tlsrig.explain.page import Subject, page  # noqa: PLC0415

    prefix = "first_" if first else ""
    recorded = artefacts.get(f"{prefix}capture")
    if recorded is None:
        why = "it has only one connection" if first else f"{cell['verdict']}: {cell['reason']}"
        raise HilError(f"{name_of(cell)} has no {prefix}capture to explain ({why})")
    transcript, key_log = capture.read(recorded)
    exchange = Exchange(transcript, key_log, board_is_client=cell["role"] != "server")
    roots = [artefacts[name] for name in ("peer_root", "board_root") if name in artefacts]
    subject = Subject(
        name=name_of(cell) + (" (first connection)" if first else ""),
        facts=_facts(report, cell),
        explanation="" if first else cell.get("explanation") or "",
        board=cell["target"],
        peer=cell["peer"] or "the peer",
        psks=_keys(artefacts.get(f"{prefix}board_options")),
        anchors=[
            one.public_bytes(Encoding.DER)
            for root in roots
            for one in explanation_facts.certificates(root)
        ],
    )
    return page(exchange, subject)


def _facts(report: Document, cell: Document) -> list[tuple[str, str]]:
    run_of = report["run"]
    negotiated = cell["negotiated"]
    agreed = [negotiated.get(name) for name in ("version", "suite", "group", "signature")]
    facts = [
        ("board", f"{cell['target']} ({cell['role'] or 'client'})"),
        ("peer", f"{cell['peer']} {cell['peer_version'] or ''}".strip()),
        ("scenario", cell["scenario"]),
        ("verdict", cell["verdict"]),
        ("negotiated", ", ".join(str(one) for one in agreed if one)),
        ("alert", negotiated.get("alert") or ""),
        ("run", f"{run_of['id']}, {run_of['started_utc']}"),
    ]
    return [(name, value) for name, value in facts if value]


def _keys(file: Path | None) -> list[bytes]:
    """Return the pre-shared keys that a board's options hold: an external one, a session's.

    A session is the board's own form of a ticket and its key. It is not taken apart here: the key
    is one of the pieces of its length, and the binder on the wire shows which.
    """
    if file is None or not file.is_file():
        return []
    try:
        options: dict[str, Any] = ast.literal_eval(file.read_text("utf-8"))
    except (ValueError, SyntaxError) as error:
        raise HilError(f"{file}: not a board's options: {error}") from error
    keys = []
    if options.get("psk"):
        keys.append(options["psk"][1])
    session = options.get("session") or b""
    for size in _KEY_BYTES:
        keys += [session[start : start + size] for start in range(len(session) - size + 1)]
    return keys


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NEAR
    return ", ".join(names[:_NEAR]) + (f" and {more} more" if more > 0 else "")
