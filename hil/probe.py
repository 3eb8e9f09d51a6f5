"""What is plugged in: serial ports with the USB facts behind them, and drives of interface chips.

Everything comes from what the system says of itself: pyserial's list of ports, udev's links in
/dev/serial, mounted drives. Nothing is opened; `hil.probe_ask` asks a board who it is.

A USB serial number does not always tell two boards apart: many bridge chips leave the factory with
the same one. Where two ports share theirs, the place they are plugged in does (by-path).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from hil.lab.lease import key_of
from hil.target import Target

SERIAL_LINKS = Path("/dev/serial")
MOUNTS = Path("/proc/self/mounts")

# Files that the interface chips show on their drives: DAPLink, ST-Link and older mbed, UF2 loaders.
_MARKS = ("DETAILS.TXT", "MBED.HTM", "INFO_UF2.TXT")
_UNIQUE_ID = re.compile(r"^Unique ID:\s*(\w+)", re.MULTILINE)
_DETAILS_BYTES = 4096
# Names the kernel hands out in the order in which devices turn up.
_BARE = re.compile(r"tty(USB|ACM)\d+")


@dataclass(frozen=True)
class Drive:
    """A mounted drive of an interface chip.

    Attributes:
        label: the last part of where it is mounted, which desktops make of its label.
        unique_id: of the interface chip, often its USB serial too; None if the drive does not say.
    """

    mounted_at: Path
    label: str
    unique_id: str | None


@dataclass(frozen=True)
class Plugged:
    """A serial port.

    Attributes:
        port: the name to use for it: the most lasting one there is.
        device: what the kernel calls it now.
        by_id: udev's name of it by USB serial; None where that is no help.
        by_path: udev's name of it by the place it is plugged in.
        usb_serial: serial number, as far as the device has one.
        warnings: what to know before relying on its name.
    """

    port: str
    device: str
    by_id: str | None = None
    by_path: str | None = None
    usb_vendor_id: int | None = None
    usb_product_id: int | None = None
    usb_serial: str | None = None
    product: str | None = None
    drive: Drive | None = None
    warnings: tuple[str, ...] = ()


def plugged_in(
    ports: Iterable[ListPortInfo] | None = None,
    links: Path = SERIAL_LINKS,
    found_drives: Sequence[Drive] | None = None,
) -> list[Plugged]:
    """Return the serial ports with a USB device behind them, in the order of their devices.

    Args:
        ports: as pyserial lists them; those of this machine when None.
        links: udev's folder of names.
        found_drives: drives of interface chips; those mounted here when None.
    """
    listed = sorted(list_ports.comports() if ports is None else ports)
    usb = [info for info in listed if info.vid is not None or _BARE.fullmatch(info.name)]
    mounted = drives() if found_drives is None else found_drives
    return [
        _plugged(info, [other for other in usb if other is not info], links, mounted)
        for info in usb
    ]


def named(port: str) -> Plugged:
    """Return a port that a user names, of which nothing else is known: a URL of pyserial."""
    return Plugged(port, port)


def drives(mounts: str | None = None) -> list[Drive]:
    """Return the mounted drives that belong to an interface chip.

    Args:
        mounts: the table of mounts, in the form of /proc/self/mounts; that of this machine if None.
    """
    text = MOUNTS.read_text(encoding="utf-8") if mounts is None else mounts
    found = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 3 or fields[2] not in ("vfat", "msdos", "exfat"):
            continue
        folder = Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), fields[1]))
        try:
            is_ours = any((folder / mark).is_file() for mark in _MARKS)
        except OSError:  # a drive that goes away while it is looked at
            continue
        if is_ours:
            found.append(Drive(folder, folder.name, _unique_id(folder / "DETAILS.TXT")))
    return found


def without_port(found: Iterable[Plugged], all_drives: Iterable[Drive]) -> list[Drive]:
    """Return the drives that no port is known to go with."""
    paired = [entry.drive for entry in found]
    return [drive for drive in all_drives if drive not in paired]


def matching(entry: Plugged, targets: Mapping[str, Target]) -> list[Target]:
    """Return the targets a port may be: the board of the lab that it is, or all that fit by USB.

    The chips that carry USB are few, so several kinds of boards may fit.
    """
    key = key_of(entry.device)
    of_lab = [target for target in targets.values() if _port_key(target) == key]
    return of_lab or [target for target in targets.values() if _fits(entry, target.identify)]


def _port_key(target: Target) -> str | None:
    port = target.boot.arguments.get("port")
    return key_of(port) if isinstance(port, str) else None


def _fits(entry: Plugged, identify: Mapping[str, object]) -> bool:
    facts = {
        "usb_vendor_id": entry.usb_vendor_id,
        "usb_product_id": entry.usb_product_id,
        "usb_serial": entry.usb_serial,
        "usb_path": Path(entry.by_path).name if entry.by_path else None,
    }
    wanted = {key: value for key, value in identify.items() if key in facts}
    return bool(wanted) and all(facts[key] == value for key, value in wanted.items())


def _plugged(
    info: ListPortInfo, others: Sequence[ListPortInfo], links: Path, mounted: Sequence[Drive]
) -> Plugged:
    by_id, by_path = (_link(links / kind, info.device) for kind in ("by-id", "by-path"))
    warnings = []
    twins = [
        other.device for other in others if info.serial_number and _serial(other) == _serial(info)
    ]
    if twins:
        by_id = None  # there is one such name for all of them
        kept = (
            "told apart by where they are plugged in" if by_path else "and nothing tells them apart"
        )
        warnings.append(f"same USB serial {info.serial_number!r} as {', '.join(twins)}: {kept}")
    if not info.serial_number:
        by_id = None
    if by_id is None and by_path is None:
        warnings.append(
            f"{info.device} has no lasting name in {links}: it may be another board after the next "
            "start or replugging; install udev, or write a rule of udev for it"
        )
    return Plugged(
        port=by_id or by_path or info.device,
        device=info.device,
        by_id=by_id,
        by_path=by_path,
        usb_vendor_id=info.vid,
        usb_product_id=info.pid,
        usb_serial=info.serial_number,
        product=info.product or info.manufacturer,
        drive=_drive_of(info, others, mounted),
        warnings=tuple(warnings),
    )


def _serial(info: ListPortInfo) -> tuple[int | None, int | None, str | None]:
    return info.vid, info.pid, info.serial_number


def _link(folder: Path, device: str) -> str | None:
    real = Path(device).resolve()
    if not folder.is_dir():
        return None
    links = [str(link) for link in folder.iterdir() if link.resolve() == real]
    return min(links, default=None)


def _drive_of(
    info: ListPortInfo, others: Sequence[ListPortInfo], mounted: Sequence[Drive]
) -> Drive | None:
    serial_number = (info.serial_number or "").lower()
    if any((other.serial_number or "").lower() == serial_number for other in others):
        return None  # two ports, one number: whose drive it is cannot be told
    for drive in mounted:
        if drive.unique_id and drive.unique_id.lower() == serial_number:
            return drive
    return None


def _unique_id(details: Path) -> str | None:
    try:
        with details.open("rb") as file:
            text = file.read(_DETAILS_BYTES).decode("utf-8", "replace")
    except OSError:
        return None
    match = _UNIQUE_ID.search(text)
    return match[1] if match else None
