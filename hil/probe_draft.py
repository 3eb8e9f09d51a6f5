"""Drafts of a target file and of a row of lab.toml, for a board that the farm does not know yet."""

from __future__ import annotations

import json
import re

from hil.probe import Plugged
from hil.probe_ask import Answer

_UNKNOWN = "unknown"
# Instruction sets by the native code that a firmware loads. One built for a Cortex-M3 says
# "armv7em" too: only the floating-point unit tells of the larger set.
_ISA = {
    "armv6m": "ARMv6-M",
    "armv7m": "ARMv7-M",
    "armv7em": "ARMv7-M",
    "armv7emsp": "ARMv7E-M",
    "armv7emdp": "ARMv7E-M",
    "xtensa": "Xtensa",
    "xtensawin": "Xtensa",
    "rv32imc": "RV32IMC",
}
_ESP_PLATFORMS = ("esp32", "esp8266")
_DAPLINK_VENDOR_ID = 0x0D28
_NO_NAME = "new-board"


def target_file(entry: Plugged, answer: Answer | None) -> str:
    """Return the text of a target file, with what is not known marked for people to fill in.

    Args:
        answer: what the board says of itself; None if it was not asked.
    """
    name = board_name(entry, answer)
    lines = [f"# targets/{name}.toml: check every line; targets/README.md explains them"]
    lines += [f"name = {_quoted(name)}"]
    lines += [f"description = {_quoted(_description(entry, answer))}", 'class = "attached"']
    if answer is None:
        ask = f"# `hil probe --ask {entry.port}` finds out"
        lines += [f'cpu = "{_UNKNOWN}" {ask}', f'isa = "{_UNKNOWN}" {ask}']
        lines += [f'endian = "little" {ask}', f"word_bits = 32 {ask}"]
    else:
        isa = _ISA.get(answer.architecture or "", _UNKNOWN)
        lines += [f"cpu = {_quoted(answer.chip or _UNKNOWN)}", f"isa = {_quoted(isa)}"]
        lines += [f"endian = {_quoted(answer.endian)}", f"word_bits = {answer.word_bits}"]
        if answer.clock_hz:
            lines.append(f"clock_hz = {answer.clock_hz:_}")
        if answer.has_urandom:
            lines.append('noise = "os.urandom" # is it a true source on this chip?')
    lines += ['image = "stock" # the folder of images/ whose firmware it runs']
    lines += ["verified = false # until its tests have passed", ""]
    lines += ["[boot]", 'driver = "attached"', f'reset = "{_reset(entry, answer)}"']
    if answer is not None:
        lines.append(f"micropython = {_quoted(answer.version)}")
    lines += ["", "[console]", 'driver = "raw_repl"', "", "[link]", 'driver = "framed"']
    if entry.usb_vendor_id is not None and entry.usb_product_id is not None:
        lines += ["", "[identify]", f"usb_vendor_id = {entry.usb_vendor_id:#06x}"]
        lines += [f"usb_product_id = {entry.usb_product_id:#06x}"]
    return "\n".join(lines) + "\n"


def lab_row(entry: Plugged, target: str, number: int) -> str:
    """Return a board's table in lab.toml.

    Args:
        target: name of its target file.
        number: makes the board's name.
    """
    lines = [f"[boards.desk-{number}]", f"target = {_quoted(target)}"]
    lines += [f"port = {_quoted(entry.port)}"]
    if entry.drive is not None and entry.drive.unique_id:
        lines.append(f"probe_id = {_quoted(entry.drive.unique_id)}")
    return "\n".join(lines) + "\n"


def board_name(entry: Plugged, answer: Answer | None) -> str:
    """Return a name for the board in the form that target files want."""
    said = answer.machine.partition(" with ")[0] if answer else (entry.product or "")
    return re.sub(r"[^a-z0-9]+", "-", said.lower()).strip("-") or _NO_NAME


def _description(entry: Plugged, answer: Answer | None) -> str:
    return (answer.machine if answer else entry.product) or "A board on a cable"


def _reset(entry: Plugged, answer: Answer | None) -> str:
    if answer is not None and answer.platform in _ESP_PLATFORMS:
        return "esp"
    return "break" if entry.usb_vendor_id == _DAPLINK_VENDOR_ID else "none"


def _quoted(text: str) -> str:
    """Return a string as TOML has it, which for printable text is as JSON has it."""
    return json.dumps("".join(character for character in text if character.isprintable()))
