"""Target files: what is read from them, what is refused and where, and how they are selected."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from hil import boot, paths, target, target_file
from hil.errors import HilError, TargetFileError

GOOD = """\
name = "bench"
description = "a board"
class = "emulated"
cpu = "Cortex-M3"
isa = "ARMv7-M"
endian = "little"
word_bits = 32
clock_hz = 25_000_000
ticks_cpu_hz = 25_000_000
image = "cortexm"

[boot]
driver = "qemu"
program = "qemu-system-arm"
machine = "mps2-an385"
icount_shift = 3
heap_bytes = 65536

[console]
driver = "raw_repl"

[link]
driver = "uart"
uart = 1
"""


@pytest.fixture
def write(tmp_path):
    """Write a target file and return its path."""

    def _write(text: str, name: str = "bench") -> Path:
        path = tmp_path / f"{name}.toml"
        path.write_text(text)
        return path

    return _write


@pytest.fixture
def refusal(write):
    """Load a wrong target file and return the error; its line must be the one marked `# HERE`."""

    def _refusal(text: str, name: str = "bench") -> TargetFileError:
        path = write(text, name)
        with pytest.raises(TargetFileError) as caught:
            target.load(path)
        marked = [count for count, line in enumerate(text.splitlines(), 1) if "# HERE" in line]
        assert [caught.value.line] == (marked or [None])
        assert str(caught.value).startswith(f"{path}:{marked[0]}: " if marked else f"{path}: ")
        return caught.value

    return _refusal


# ---- the shipped files


def test_the_shipped_files_load():
    found = target.load_all()
    assert {"unix", "qemu-cortexm"} <= set(found)
    assert found["unix"].klass == "process"


def test_an_instruction_of_every_emulated_board_takes_two_and_a_half_ticks_or_more():
    # Then less than a tick too many or too few is less than half an instruction: see hil_marks.
    boards = [board for board in target.load_all().values() if board.klass == "emulated"]
    assert len(boards) >= 6
    for board in boards:
        assert board.instructions_per_tick <= Fraction(2, 5), board.name
        assert board.no_instruction_count_reason is None


def test_a_process_has_no_instruction_count_and_says_why():
    board = target.load_all()["unix"]
    assert board.instructions_per_tick is None
    assert "host process" in board.no_instruction_count_reason


def test_an_emulated_board_without_a_fixed_shift_has_no_instruction_count(write):
    board = target.load(write(GOOD.replace("icount_shift = 3\n", "")))
    assert board.instructions_per_tick is None
    assert "icount_shift" in board.no_instruction_count_reason


def test_every_boot_driver_a_file_may_name_exists():
    assert sorted(target_file.TABLES["boot"]["driver"].choices) == boot.drivers()


@pytest.mark.parametrize("table", [*target_file.TABLES, "limits"])
def test_every_key_is_explained_in_the_readme(table):
    readme = (paths.targets_dir() / "README.md").read_text()
    heading = f"`[{table}" if table else "Top of the file"
    (section,) = [part for part in readme.split("\n### ") if part.startswith(heading)]
    known = set(target_file.TABLES.get(table, target_file.LIMITS))
    for (name, _), arguments in target_file.DRIVER_ARGUMENTS.items():
        known |= set(arguments) if name == table else set()
    assert set(re.findall(r"^\| `([a-z_]+)`", section, flags=re.MULTILINE)) == known


# ---- reading


def test_the_facts_of_a_file_are_read(write):
    board = target.load(write(GOOD))
    assert (board.name, board.endian, board.ram_bytes) == ("bench", "little", None)
    assert board.boot.driver == "qemu"
    assert board.boot.arguments["heap_bytes"] == 65536
    assert board.link == target.LinkSpec("uart", 1)
    assert board.timeouts == target.Timeouts()


def test_timeouts_and_limits_are_read(write):
    text = GOOD + "[timeouts]\nboot_s = 1.5\n"
    text += "[limits]\nram_static_bytes = 2000\nphase.finished.instructions = 7\n"
    text += "[limits.tls13-psk]\nheap_live_peak_bytes = 30000\n"
    text += "phase.key_share.instructions = 5\n'phase.certificate.instructions' = 6\n"
    board = target.load(write(text))
    assert (board.timeouts.boot_s, board.timeouts.job_s) == (1.5, 60.0)
    assert board.limits.general == {"ram_static_bytes": 2000, "phase.finished.instructions": 7}
    assert board.limits.of_scenario == {
        "tls13-psk": {
            "heap_live_peak_bytes": 30000,
            "phase.key_share.instructions": 5,
            "phase.certificate.instructions": 6,
        }
    }


# ---- refusing, with the place


def test_an_unknown_key_names_the_near_one(refusal):
    error = refusal(GOOD.replace("clock_hz = 25_000_000", "clok_hz = 1  # HERE", 1))
    assert error.key == "clok_hz"
    assert "unknown key; did you mean 'clock_hz'?" in str(error)


def test_an_unknown_key_like_no_other_lists_the_known_ones(refusal):
    error = refusal(GOOD + 'baud = "x"  # HERE\n')
    assert error.key == "link.baud"
    assert "known here: counted, driver, uart" in str(error)


def test_a_misspelt_table_is_an_unknown_key(refusal):
    error = refusal(GOOD + "[limit.x]  # HERE\nheap_bytes = 1\n")
    assert error.key == "limit"
    assert "did you mean 'limits'?" in str(error)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("'25 MHz'", "must be a whole number, not a string ('25 MHz')"),
        ("true", "must be a whole number, not a boolean (True)"),
        ("2.5", "must be a whole number, not a number (2.5)"),
        ("0", "must be at least 1, not 0"),
    ],
)
def test_a_wrong_number_is_refused(refusal, value, problem):
    error = refusal(GOOD.replace("clock_hz = 25_000_000", f"clock_hz = {value}  # HERE", 1))
    assert error.key == "clock_hz"
    assert problem in str(error)


def test_a_value_instead_of_a_table_is_refused(refusal):
    before, after = GOOD.split("[boot]")
    error = refusal(before + "boot = 5  # HERE\n[console]" + after.partition("[console]")[2])
    assert "boot: must be a table [boot], not a whole number (5)" in str(error)


def test_a_timeout_may_be_a_fraction_but_not_nothing(refusal):
    error = refusal(GOOD + "[timeouts]\nboot_s = 0.5\njob_s = 0  # HERE\n")
    assert "timeouts.job_s: must be at least 0.1, not 0" in str(error)


def test_a_value_that_is_none_of_the_choices_lists_them(refusal):
    error = refusal(GOOD.replace('"little"', '"litle"  # HERE'))
    assert "'litle' is none of 'little', 'big' (did you mean 'little'?)" in str(error)


def test_an_empty_text_is_refused(refusal):
    error = refusal(GOOD.replace('"Cortex-M3"', '" "  # HERE'))
    assert "cpu: must not be empty" in str(error)


def test_a_missing_key_names_the_line_of_its_table(refusal):
    error = refusal(GOOD.replace("machine = ", "# ").replace("[boot]", "[boot]  # HERE"))
    assert "boot.machine: missing; it takes a string" in str(error)


def test_a_missing_key_at_the_top_has_no_line(refusal):
    assert refusal(GOOD.replace("image = ", "# ")).key == "image"


def test_a_missing_table_says_which_to_add(refusal):
    error = refusal(GOOD.partition("[link]")[0])
    assert "link: missing; add a table [link]" in str(error)


def test_a_driver_of_another_class_is_refused(refusal):
    text = GOOD.replace('"emulated"', '"process"').replace('"qemu"', '"qemu"  # HERE')
    assert "'qemu' starts boards of class emulated, not 'process'" in str(refusal(text))


def test_an_argument_of_another_driver_is_refused(refusal):
    text = GOOD.replace('"uart"', '"socketpair"').replace("uart = 1", "uart = 1  # HERE")
    assert refusal(text).key == "link.uart"


def test_a_name_must_be_the_files_own(refusal):
    error = refusal(GOOD.replace('"bench"', '"bench"  # HERE'), name="other")
    assert "name: must be the file's own name, 'other'" in str(error)


@pytest.mark.parametrize(
    ("limits", "key", "problem"),
    [
        (
            "[limits]\nheap_live_bytes = 5  # HERE\n",
            "limits.heap_live_bytes",
            "unknown measurement; did you mean 'heap_live_peak_bytes'? (limits of one scenario are",
        ),
        (
            "[limits.tls13-psk]\n\nstack_bytes = 5  # HERE\n",
            "limits.tls13-psk.stack_bytes",
            "unknown measurement; did you mean 'stack_peak_bytes'?",
        ),
        (
            "[limits.tls13-psk]\nphase.finished.ticks = 5  # HERE\n",
            "limits.tls13-psk.phase.finished.ticks",
            "unknown measurement",
        ),
        (
            "[limits.tls13-psk]\nstack_peak_bytes = '5'  # HERE\n",
            "limits.tls13-psk.stack_peak_bytes",
            "must be a whole number",
        ),
        ("[limits]\nstack_peak_bytes = 0  # HERE\n", "limits.stack_peak_bytes", "at least 1"),
    ],
)
def test_a_wrong_limit_is_refused_with_its_line(refusal, limits, key, problem):
    error = refusal(GOOD + limits)
    assert error.key == key
    assert problem in str(error)


def test_broken_toml_names_the_line(refusal):
    assert refusal(GOOD.replace("[console]", "[console  # HERE")).key == "TOML"


def test_a_file_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "bench.toml"
    path.write_bytes(b"name = '\xff'")
    with pytest.raises(TargetFileError, match="cannot be read"):
        target.load(path)


@pytest.mark.parametrize(
    "boot_table",
    [
        "[boot]\n\n# driver = 'x'\n'driver' = 5  # HERE\n",
        'boot.machine = """\nboot.driver = 1\n"""\nboot.driver = 5  # HERE\n',
        "boot = {driver = 5}  # HERE\n",
        "[boot]\nmachine = '''\n[boot]\ndriver = 1\n'''\ndriver = 5  # HERE\n",
        "[boot]\nmachine = [\n 1,\n]\n\ndriver = [  # HERE\n 1,\n 2,\n]\n",
    ],
)
def test_the_line_of_a_key_is_found_however_it_is_written(refusal, boot_table):
    before, after = GOOD.split("[boot]")
    error = refusal(before + boot_table + "[console]" + after.partition("[console]")[2])
    assert error.key == "boot.driver"


# ---- folders


def test_a_name_used_twice_names_both_files(write, tmp_path):
    first = write(GOOD)
    second_folder = tmp_path / "second"
    second_folder.mkdir()
    (second_folder / "bench.toml").write_text(GOOD)
    with pytest.raises(TargetFileError, match=re.escape(f"already used by {first}")):
        target.load_all(tmp_path, second_folder)


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(HilError, match="no target files"):
        target.load_all(tmp_path)


# ---- selecting


@pytest.fixture(scope="module")
def shelf():
    """Targets to choose from; only their names and classes matter."""
    unix = target.load_all()["unix"]
    names = ["unix", "qemu-cortexm", "qemu-mips", "esp32-devkit"]
    shelf = dict.fromkeys(names, unix)
    return {**shelf, "qemu-cortexm": target.load_all()["qemu-cortexm"]}


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        (["unix"], ["unix"]),
        (["unix,esp32-devkit"], ["unix", "esp32-devkit"]),
        (["esp32-devkit", "unix"], ["esp32-devkit", "unix"]),
        (["qemu-*"], ["qemu-cortexm", "qemu-mips"]),
        (["*"], ["unix", "qemu-cortexm", "qemu-mips", "esp32-devkit"]),
        ([" unix , ", "qemu-mip[s]"], ["unix", "qemu-mips"]),
        (["class:emulated"], ["qemu-cortexm"]),
    ],
)
def test_patterns_choose_targets_in_their_order(shelf, patterns, chosen):
    named = {name: replace(board, name=name) for name, board in shelf.items()}
    assert [board.name for board in target.select(patterns, named)] == chosen


def test_a_target_named_twice_is_chosen_once(shelf):
    assert len(target.select(["unix", "unix,unix"], shelf)) == 1


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("qemu-cortxm", "did you mean qemu-cortexm"),
        ("esp32", "did you mean esp32-devkit?"),
        ("mbed-*", "no target matches 'mbed-*'; `hil targets` lists them all"),
        ("", "no target named"),
        ("class:attached", "README.md says how"),
    ],
)
def test_what_matches_nothing_is_an_error_that_helps(shelf, pattern, message):
    with pytest.raises(target.TargetSelectionError, match=re.escape(message)):
        target.select([pattern], shelf)


# ---- everything that is wrong


def test_all_offences_of_a_file_are_found_each_with_its_line(write):
    text = (
        GOOD.replace('endian = "little"', 'endian = "middle"')
        .replace("word_bits = 32", 'word_bits = "32"')
        .replace('machine = "mps2-an385"', "")
        .replace("uart = 1", "uart = -1\nparity = 0")
        .replace('driver = "raw_repl"', 'driver = "raw_repel"')
    )
    document = target_file.parse(write(text + "[limits]\ntls13 = 5\n"))
    found = {(error.key, error.line) for error in target_file.offences(document)}
    lines = text.splitlines()

    def line_of(beginning: str) -> int:
        return next(n for n, line in enumerate(lines, 1) if line.startswith(beginning))

    assert found == {
        ("endian", line_of("endian")),
        ("word_bits", line_of("word_bits")),
        ("boot.machine", line_of("[boot]")),
        ("link.uart", line_of("uart")),
        ("link.parity", line_of("parity")),
        ("console.driver", line_of('driver = "raw_repel"')),
        ("limits.tls13", len(lines) + 2),
    }


def test_a_table_that_is_none_does_not_hide_other_offences(write):
    text = GOOD.replace("[console]\ndriver", "[elsewhere]\ndriver").replace(
        "word_bits = 32", "word_bits = 32\nconsole = 5\nlimits = 5"
    )
    document = target_file.parse(write(text))
    found = [error.key for error in target_file.offences(document)]
    assert found == ["elsewhere", "console", "limits"]


def test_a_heap_larger_than_the_ram_is_refused_with_both_numbers(refusal):
    text = GOOD.replace("image =", "ram_bytes = 65536\nimage =")
    error = refusal(text.replace("heap_bytes = 65536", "heap_bytes = 65537 # HERE"))
    assert error.key == "boot.heap_bytes"
    assert "65537 bytes are more than the whole RAM, 65536 bytes" in str(error)


# ---- over the network


def test_a_board_with_a_network_can_have_its_link_over_it_under_another_name():
    board = target.load_all()["qemu-mips"]
    (other,) = target.over_network([board])
    assert (other.name, other.link) == ("qemu-mips-net", target.LinkSpec("net"))
    assert (other.image, other.boot) == (board.image, board.boot)


def test_boards_without_a_network_are_named_when_it_is_asked_for():
    shelf = target.load_all()
    with pytest.raises(target.TargetSelectionError) as caught:
        target.over_network([shelf["qemu-mips"], shelf["unix"], shelf["qemu-cortexm"]])
    assert "no network for the link: unix, qemu-cortexm (" in str(caught.value)
