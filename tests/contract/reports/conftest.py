"""Reports made by hand, for what compares them and looks back over them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hil.document import validate

FIRMWARE = {
    "micropython": "1.25.0",
    "image": "cortexm",
    "image_sha256": "ab" * 32,
    "components": [
        {"group": group, "name": name, "text_bytes": text, "data_bytes": data, "bss_bytes": bss}
        for group, name, text, data, bss in (
            ("MicroPython", "core", 114_200, 900, 8),
            ("Python modules", "tlscore.client", 5_380, 0, 0),
            ("Python modules", "tlscore.record", 3_653, 0, 0),
            ("rest", "merged strings", 9_435, 0, 0),
        )
    ],
}


def measurement(name: str, value: float | None, method: str, **more: object) -> dict:
    """Return a measurement as a report holds it; its unit is what its name ends with."""
    unit = name.rpartition("_")[2].rpartition(".")[2]
    reason = "nothing counts here" if value is None else None
    row = {"name": name, "value": value, "unit": unit, "method": method, "n": 1, "reason": reason}
    return {**row, **more}


def measurements(mode: str) -> list[dict]:
    counted = f"{'replay, ' if mode == 'replay' else ''}icount shift=3, compute segments"
    return [
        measurement("heap_live_peak_bytes", 14_208, "largest live heap at 14 checkpoints"),
        measurement("stack_peak_bytes", 5_676, "painted stack, QMP memsave"),
        measurement("ram_static_bytes", 1_484, "sections of the linked image: data and bss"),
        measurement("flash_image_bytes", 325_908, "sections of the linked image: text and data"),
        measurement("handshake_instructions", 266_362_060, counted),
        measurement("phase.client_hello.instructions", 34_141_240, counted),
        measurement("phase.certificate.instructions", 133_185_710, counted),
        measurement("handshake_wall_ms", 2168.742, "board's virtual clock of the emulator"),
        measurement("bytes_sent", 6_670, "counted on the link, whole connection"),
    ]


def cell(target: str, scenario: str, mode: str) -> dict:
    return {
        "target": target,
        "peer": "openssl",
        "peer_version": "3.0.17",
        "scenario": scenario,
        "role": "client",
        "verdict": "pass",
        "reason": None,
        "negotiated": {"version": "TLSv1.3"},
        "measurements": measurements(mode),
        "artefacts": {},
        "test": None,
    }


def board(name: str) -> dict:
    return {
        "name": name,
        "class": "emulated",
        "cpu": "Cortex-M3",
        "isa": "ARMv7-M",
        "endian": "little",
        "word_bits": 32,
        "clock_hz": 25_000_000,
        "ram_bytes": 4_194_304,
        "flash_bytes": 4_194_304,
        "firmware": copy.deepcopy(FIRMWARE),
    }


class Report:
    """A good report of two boards and two scenarios, to be changed and written."""

    def __init__(self, folder: Path, run_id: str, hour: int, mode: str | None) -> None:
        self._folder = folder
        run = {
            "id": run_id,
            "started_utc": f"2031-02-03T{hour:02}:00:00Z",
            "interrupted": False,
            "git_commit": f"{hour:02x}" * 20,
            "dirty": False,
            "host": {"name": "lab", "system": "Linux", "machine": "x86_64", "cpus": 2},
            "versions": {"python": "3.11.2"},
        }
        if mode is not None:
            run["mode"] = mode
        boards = ("qemu-cortexm", "qemu-mips")
        scenarios = ("tls13-x509-p256", "tls13-psk")
        self.document = {
            "schema": "hil-report/1",
            "run": run,
            "targets": [board(name) for name in boards],
            "cells": [cell(name, tried, mode or "live") for name in boards for tried in scenarios],
        }

    @property
    def run(self) -> dict:
        return self.document["run"]

    @property
    def first(self) -> dict:
        """The first cell: tls13-x509-p256 on qemu-cortexm."""
        return self.document["cells"][0]

    def figure(self, name: str, cell: dict | None = None) -> dict:
        """Return a measurement of a cell, the first one by default."""
        (found,) = (row for row in (cell or self.first)["measurements"] if row["name"] == name)
        return found

    def module(self, name: str, target: int = 0) -> dict:
        """Return a part of a board's firmware."""
        parts = self.document["targets"][target]["firmware"]["components"]
        (found,) = (row for row in parts if row["name"] == name)
        return found

    def write(self, *, check: bool = True) -> str:
        """Write it into a folder of its own, which is returned."""
        if check:
            validate(self.document)
        folder = self._folder / self.run["id"]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.json").write_text(json.dumps(self.document), encoding="utf-8")
        return str(folder)


@pytest.fixture
def report(tmp_path) -> Callable[..., Report]:
    """Make a report: each is an hour younger than the one before, and the same otherwise."""
    hours: Iterator[int] = iter(range(24))

    def make(mode: str | None = "replay", folder: Path | None = None) -> Report:
        hour = next(hours)
        return Report(folder or tmp_path / "reports", f"run{hour}", hour, mode)

    return make
