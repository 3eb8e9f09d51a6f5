"""Target files of boards on a cable: what is said of those that nobody has run, or plugged in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hil import build, image, readiness, report, target
from hil.boot import attached
from hil.errors import TargetFileError
from hil.flash.command import METHODS
from hil.image import Firmware
from hil.target import Target, TargetSelectionError

SHIPPED = target.load_all()
ATTACHED = {name: board for name, board in SHIPPED.items() if board.klass == "attached"}


def plugged_in(board: Target) -> Target:
    arguments = {**board.boot.arguments, "port": "/dev/ttyACM0"}
    return replace(board, boot=replace(board.boot, arguments=arguments))


def test_the_boards_of_the_issue_are_there():
    chips = {"esp32-devkit", "esp32-s3", "esp32-c3", "esp8266", "rp2-pico"}
    mbed = {"f401re", "f767zi"}
    assert chips | {f"mbed-nucleo-{name}" for name in mbed} <= ATTACHED.keys()
    assert {"mbed-frdm-k64f", "mbed-microbit-v2", "mbed-lpc1768"} <= ATTACHED.keys()


@pytest.mark.parametrize("name", ATTACHED)
def test_a_board_on_a_cable_says_its_noise_its_usb_ids_and_how_it_is_flashed(name):
    board = ATTACHED[name]
    assert board.noise is not None
    assert {"usb_vendor_id", "usb_product_id"} <= board.identify.keys()
    assert board.flash["method"] in METHODS
    needs = {"esptool": "chip", "pyocd": "chip", "mass_storage": "label", "uf2": "label"}
    needs["mbed_drive"] = "label"
    assert needs[str(board.flash["method"])] in board.flash
    assert board.boot.arguments.keys() <= attached._ARGUMENTS


@pytest.mark.parametrize("name", ATTACHED)
def test_a_board_on_a_cable_is_unverified_and_not_attached(name):
    board = ATTACHED[name]
    assert not board.verified
    assert readiness.missing(board)[0].startswith("not attached: no port is known")
    assert not any("not attached" in lacking for lacking in readiness.missing(plugged_in(board)))


def test_a_stock_board_needs_no_image_of_ours_but_the_right_version():
    assert {board.image for board in ATTACHED.values()} == {"stock", "lpc1768"}
    assert "stock" not in image.by_default()
    assert build.modules_of(image.load("stock")) == {}


@pytest.mark.parametrize("pattern", ["*", "class:attached,unix"])
def test_a_pattern_of_a_run_passes_over_boards_that_are_not_there(pattern):
    board = plugged_in(SHIPPED["esp32-s3"])
    there = {**SHIPPED, "esp32-s3": board}
    chosen = [found.name for found in target.select([pattern], there, to_run=True)]
    assert "esp32-s3" in chosen
    assert not ATTACHED.keys() - {"esp32-s3"} & set(chosen)
    assert ATTACHED.keys() <= {found.name for found in target.select(["*"], there)}


@pytest.mark.parametrize("pattern", ["esp*", "class:attached"])
def test_a_pattern_of_nothing_but_absent_boards_says_where_a_port_goes(pattern):
    with pytest.raises(
        TargetSelectionError, match=r"that is attached: no port is known of .*esp32"
    ):
        target.select([pattern], SHIPPED, to_run=True)


def test_a_board_called_by_its_name_is_chosen_whether_it_is_there_or_not():
    (chosen,) = target.select(["esp8266"], SHIPPED, to_run=True)
    assert chosen.name == "esp8266"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('verified = "no"', "verified: must be true or false, not a string"),
        ("verified = 0", "verified: must be true or false, not a whole number"),
        ('noise = "hope"', "noise: 'hope' is none of 'os.urandom', 'adc', 'timer'"),
        ("word_bits = true", "word_bits: must be a whole number, not a boolean"),
    ],
)
def test_a_wrong_fact_is_an_error(tmp_path, line, problem):
    text = (SHIPPED["esp8266"].path).read_text()
    key = line.split()[0]
    lines = [line if was.startswith(f"{key} ") else was for was in text.splitlines()]
    (tmp_path / "esp8266.toml").write_text("\n".join(lines))
    with pytest.raises(TargetFileError, match=problem):
        target.load(tmp_path / "esp8266.toml")


def test_a_report_says_that_nobody_has_run_the_board_on_silicon(tmp_path):
    run = report.Run(tmp_path)
    firmware = Firmware("stock", tmp_path / "stock.txt", "ab" * 32, "1.25.0", {}, None, None)
    for name in ("esp8266", "unix"):
        cell = report.Cell(target=name, peer="openssl", peer_version="3", scenario="tls13-psk")
        cell.role, cell.verdict = "client", "pass"
        run.add(cell, SHIPPED[name], firmware)
    document = run.write(tmp_path / "report")
    assert [board.get("verified", True) for board in document["targets"]] == [False, True]
    page = (tmp_path / "report" / "report.html").read_text()
    assert page.count("attached, not verified on silicon</td>") == 1
    assert page.count("not verified on silicon") == 1
    (row,) = [
        line
        for line in (tmp_path / "report" / "report.md").read_text().splitlines()
        if "not verified on silicon" in line
    ]
    assert row.startswith("| esp8266 (not verified on silicon) | ESP8266 ")
