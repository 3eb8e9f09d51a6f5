"""What is plugged in: serial ports with the USB facts behind them, and drives of interface chips.

Everything comes from what the system says of itself: pyserial's list of ports, udev's links in
/dev/serial, mounted drives. Nothing is opened.

A USB serial number does not always tell two boards apart: many bridge chips leave the factory with
the same one. Where two ports share theirs, the place they are plugged in does: udev's name of it
(by-path), or the kernel's (`1-1.2`), which there is without udev too.

A container sees devices that are plugged in later only if the whole folder of them is mounted into
it; where that is not /dev, `HIL_DEV` names it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from serial.tools import list_ports, list_ports_linux
from serial.tools.list_ports_common import ListPortInfo

DEVICES_VARIABLE = "HIL_DEV"
MOUNTS = Path("/proc/self/mounts")
# Facts of `[identify]` that tell ports apart, in the order in which they are said.
IDENTITY = ("usb_vendor_id", "usb_product_id", "usb_serial", "usb_path")

_DEVICES = Path("/dev")
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
        places: all names of that place: udev's, of which there may be two, and the kernel's.
        usb_serial: serial number, as far as the device has one.
        warnings: what to know before relying on its name.
    """

    port: str
    device: str
    by_id: str | None = None
    by_path: str | None = None
    places: tuple[str, ...] = ()
    usb_vendor_id: int | None = None
    usb_product_id: int | None = None
    usb_serial: str | None = None
    product: str | None = None
    drive: Drive | None = None
    warnings: tuple[str, ...] = ()

    def __str__(self) -> str:
        said = _usb_words(self.usb_vendor_id, self.usb_product_id, self.usb_serial)
        at = f"at {self.places[0]}" if self.places else ""
        return " ".join(filter(None, (self.device, f"({', '.join(filter(None, (said, at)))})")))


def devices_folder() -> Path:
    """Return where devices are: /dev, or what `HIL_DEV` says."""
    chosen = os.environ.get(DEVICES_VARIABLE)
    return Path(chosen) if chosen else _DEVICES


def links_folder() -> Path:
    """Return udev's folder of lasting names of serial ports."""
    return devices_folder() / "serial"


def plugged_in(
    ports: Iterable[ListPortInfo] | None = None,
    links: Path | None = None,
    found_drives: Sequence[Drive] | None = None,
) -> list[Plugged]:
    """Return the serial ports with a USB device behind them, in the order of their devices.

    Args:
        ports: as pyserial lists them; those of this machine when None.
        links: udev's folder of names; that of this machine when None.
        found_drives: drives of interface chips; those mounted here when None.
    """
    folder = links_folder() if links is None else links
    listed = sorted(_listed() if ports is None else ports)
    usb = [info for info in listed if info.vid is not None or _BARE.fullmatch(info.name)]
    # pyserial knows the usual drivers' devices only; udev links those of all.
    known = {Path(info.device).resolve() for info in listed}
    usb += [ListPortInfo(str(device)) for device in sorted(_linked(folder) - known)]
    mounted = drives() if found_drives is None else found_drives
    return [
        _plugged(info, [other for other in usb if other is not info], folder, mounted)
        for info in usb
    ]


def fits(entry: Plugged, identify: Mapping[str, object]) -> bool:
    """Whether a port is the one, or one of those, that facts of `[identify]` are true of."""
    facts = {key: getattr(entry, key) for key in IDENTITY if key != "usb_path"}
    wanted = {key: value for key, value in identify.items() if key in IDENTITY}
    place = wanted.pop("usb_path", None)
    if isinstance(place, str) and Path(place).name not in entry.places:
        return False
    return bool(wanted or place) and all(facts[key] == value for key, value in wanted.items())


def looked_for(identify: Mapping[str, object]) -> str:
    """Say in words what facts of `[identify]` ask for; "" if for no port."""
    words = _usb_words(*(identify.get(key) for key in IDENTITY[:3]))
    place = f"at {identify['usb_path']}" if "usb_path" in identify else ""
    return " ".join(filter(None, (words, place)))


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


def _listed() -> list[ListPortInfo]:
    """Return this machine's ports; elsewhere than in /dev pyserial does not look by itself."""
    folder = devices_folder()
    if folder == _DEVICES:
        return list(list_ports.comports())
    found = [path for path in folder.glob("tty*") if _BARE.fullmatch(path.name)]
    return [list_ports_linux.SysFS(str(path)) for path in found]


def _linked(links: Path) -> set[Path]:
    folders = [links / kind for kind in ("by-id", "by-path") if (links / kind).is_dir()]
    targets = {link.resolve() for folder in folders for link in folder.iterdir()}
    return {target for target in targets if target.exists()}


def _usb_words(vendor: object, product: object, serial_number: object) -> str:
    ids = [f"{number:04x}" if isinstance(number, int) else "*" for number in (vendor, product)]
    usb = f"USB {':'.join(ids)}" if ids != ["*", "*"] else ""
    number = f"serial {serial_number}" if serial_number else ""
    return ", ".join(filter(None, (usb, number)))


def _plugged(
    info: ListPortInfo, others: Sequence[ListPortInfo], links: Path, mounted: Sequence[Drive]
) -> Plugged:
    ids, paths = (_links(links / kind, info.device) for kind in ("by-id", "by-path"))
    by_id, by_path = min(ids, default=None), min(paths, default=None)
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
        places=(*(Path(path).name for path in sorted(paths)), *_locations(info)),
        usb_vendor_id=info.vid,
        usb_product_id=info.pid,
        usb_serial=info.serial_number,
        product=info.product or info.manufacturer,
        drive=_drive_of(info, others, mounted),
        warnings=tuple(warnings),
    )


def _serial(info: ListPortInfo) -> tuple[int | None, int | None, str | None]:
    return info.vid, info.pid, info.serial_number


def _locations(info: ListPortInfo) -> list[str]:
    """Return the kernel's names of a place, as `1-1.2:1.0`, and without the interface."""
    location = info.location
    return [] if not location else list(dict.fromkeys((location, location.partition(":")[0])))


def _links(folder: Path, device: str) -> list[str]:
    real = Path(device).resolve()
    if not folder.is_dir():
        return []
    return [str(link) for link in folder.iterdir() if link.resolve() == real]


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
