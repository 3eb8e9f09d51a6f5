"""A folder that behaves like the drive of a DAPLink board, in a thread of the test's own process.

Source: DAPLink's documentation ("MSD commands", "Interface Details"): a file that is copied to the
drive is written to the chip; then the drive goes away and comes back without the file, DETAILS.TXT
counts the return, and FAIL.TXT is there if something went wrong, gone otherwise. A file is taken as
complete when its writer has closed it (here: has written the length that was announced).
"""

from __future__ import annotations

import shutil
import threading
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

_LOOK_S = 0.01
_DETAILS = """# DAPLink Firmware - see https://mbed.com/daplink
Unique ID: {unique_id}
HIC ID: 97969900
Auto Reset: 1
Automation allowed: 0
Overflow detection: 0
Daplink Mode: Interface
Interface Version: 0257
USB Interfaces: MSD, CDC, HID, WebUSB
Remount count: {remounts}
"""


class Drive(AbstractContextManager["Drive"]):
    """The drive; what was written to the chip is `flash`.

    Args:
        folder: where it is mounted; made anew.
        expected_bytes: length of the file that is going to be copied.
        failure: what FAIL.TXT will say; None: the copy succeeds.
        stays_away: it does not come back.
        away_s: how long it is away.
        unique_id: of the interface chip.
        uf2: it is the drive of a UF2 loader, which goes away for good.
    """

    def __init__(
        self,
        folder: Path,
        expected_bytes: int,
        *,
        failure: str | None = None,
        stays_away: bool = False,
        away_s: float = 0.3,
        unique_id: str = "0240000034544e45001c00018000003f",
        uf2: bool = False,
    ) -> None:
        self.folder = folder
        self.flash = b""
        self._expected_bytes = expected_bytes
        self._failure = failure
        self._stays_away = stays_away or uf2
        self._away_s = away_s
        self._remounts = 0
        self._unique_id = unique_id
        self._uf2 = uf2
        self._own: set[str] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._appear()

    def __enter__(self) -> Drive:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def leave_failure(self, text: str) -> None:
        """Leave a FAIL.TXT of an earlier attempt."""
        self._own.add("FAIL.TXT")
        (self.folder / "FAIL.TXT").write_text(text)

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK_S):
            copied = self._copied()
            if copied is not None:
                self.flash = copied
                shutil.rmtree(self.folder)
                if self._stays_away:
                    return
                self._stopping.wait(self._away_s)
                self._remounts += 1
                self._appear()

    def _copied(self) -> bytes | None:
        for path in self.folder.iterdir():
            if path.name not in self._own and path.stat().st_size == self._expected_bytes:
                return path.read_bytes()
        return None

    def _appear(self) -> None:
        """Mount it; nobody may see half of it."""
        new = self.folder.with_name(f".new-{self.folder.name}")
        new.mkdir()
        if self._uf2:
            (new / "INFO_UF2.TXT").write_text("UF2 Bootloader v3.0\nModel: Raspberry Pi RP2\n")
        else:
            (new / "DETAILS.TXT").write_text(
                _DETAILS.format(unique_id=self._unique_id, remounts=self._remounts)
            )
            (new / "MBED.HTM").write_text("<!-- mbed -->")
            if self._remounts and self._failure is not None:
                (new / "FAIL.TXT").write_text(self._failure)
        self._own = {path.name for path in new.iterdir()}
        new.rename(self.folder)
