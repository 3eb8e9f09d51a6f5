"""What a Lexra core could not run does not become firmware: the check of every instruction.

Each forbidden thing is assembled, or compiled with the flags that would produce it, and must be
refused by name and place; the firmware of both MIPS boards must pass.
"""

import shutil
import subprocess
import sys

import pytest

from hil import build, image, paths, sources

CHECK = paths.images_dir() / "common" / "mips1" / "check_instructions.py"
COMPILER = "mips-linux-gnu-gcc"
# The one exception of the Malta board: it has no Lexra core, and sleeps with MIPS32's `wait`.
MALTA_SLEEPS = ("--allow", "malta_wait=0x42000020")

pytestmark = pytest.mark.skipif(
    shutil.which(COMPILER) is None,
    reason=f"{COMPILER} is not installed: apt-get install gcc-mips-linux-gnu",
)


def check(path, *options):
    argv = [sys.executable, str(CHECK), *options, str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def assembled(tmp_path):
    """Assemble instructions as they stand, none added or moved, into function `tested`."""

    def make(*lines):
        source = tmp_path / "tested.s"
        head = [".set noreorder", ".set noat", ".set nomacro", ".globl tested", "tested:"]
        source.write_text("\n".join([*head, *lines, ""]))
        made = tmp_path / "tested.o"
        compiler = [COMPILER, "-c", "-march=mips32r2", "-mno-abicalls", "-fno-pic"]
        subprocess.run([*compiler, "-o", str(made), str(source)], check=True)
        return made

    return make


ALLOWED = {
    "arithmetic": ["addu $2, $4, $5", "addiu $2, $2, -1", "lui $3, 0x1234", "sltu $2, $2, $3"],
    "memory": ["lw $2, 0($4)", "lbu $3, 1($4)", "sb $2, 0($5)", "sh $3, 2($5)"],
    "a load used two instructions later": ["lw $2, 0($4)", "nop", "addu $2, $2, $2"],
    "a load that the next one overwrites": ["lw $2, 0($4)", "li $2, 1"],
    "a store to the place loaded from": ["lw $2, 0($4)", "sw $3, 0($4)"],
    "products apart": ["mflo $2", "nop", "nop", "mult $4, $5", "mfhi $2"],
    "jumps": ["beq $4, $5, tested", "nop", "jal tested", "addu $4, $5, $6", "jr $31", "nop"],
    "the system coprocessor": ["mfc0 $2, $12", "nop", "mtc0 $2, $12", ".word 0x42000010"],
}
REFUSED = {
    "unaligned load": (["lwl $2, 0($4)"], "lwl"),
    "unaligned load, right": (["lwr $2, 3($4)"], "lwr"),
    "unaligned store": (["swl $2, 0($4)"], "swl"),
    "unaligned store, right": (["swr $2, 3($4)"], "swr"),
    "MIPS-II, likely branch": (["beql $4, $5, tested", "nop"], "beql"),
    "MIPS-II, trap": (["teq $4, $5"], "not an instruction"),
    "MIPS-II, linked load": (["ll $2, 0($4)"], "ll"),
    "MIPS-II, sync": (["sync"], "not an instruction"),
    "MIPS-IV, conditional move": (["movn $2, $4, $5"], "not an instruction"),
    "MIPS32, three-operand product": (["mul $2, $4, $5"], "mul"),
    "MIPS32, leading zeros": (["clz $2, $4"], "clz"),
    "MIPS32, end of an exception": (["eret"], "not an instruction"),
    "MIPS32, sleep": (["wait"], "not an instruction"),
    "MIPS32, second set of coprocessor 0": (["mfc0 $2, $12, 1"], "not an instruction"),
    "release 2, rotation": (["ror $2, $4, 8"], "not an instruction"),
    "release 2, bit field": (["ext $2, $4, 3, 5"], "ext"),
    "release 2, jump with a barrier": (["jr.hb $31", "nop"], "not an instruction"),
    "floating point": (["mtc1 $2, $f0"], "coprocessor 1"),
    "loaded and used": (["lw $2, 0($4)", "addu $3, $2, $5"], r"uses $2"),
    "loaded and stored": (["lb $2, 0($4)", "sw $2, 0($5)"], r"uses $2"),
    "loaded and an address": (["lw $2, 0($4)", "lw $3, 0($2)"], r"uses $2"),
    "loaded and compared": (["lw $2, 0($4)", "bne $5, $2, tested", "nop"], r"uses $2"),
    "loaded and jumped to": (["lw $25, 0($4)", "jr $25", "nop"], r"uses $25"),
    "read from the system and used": (["mfc0 $2, $13", "andi $2, $2, 4"], r"uses $2"),
    "loaded behind a jump": (["jr $31", "lw $2, 0($4)"], "load in the delay slot"),
    "product read behind a jump": (["jr $31", "mflo $2"], "mfhi or mflo in the delay slot"),
    "jump behind a jump": (["jr $31", "b tested", "nop"], "jump in the delay slot"),
    "product begun at once": (["mfhi $2", "mult $4, $5"], "changes hi and lo"),
    "division begun too soon": (["mflo $2", "nop", "divu $0, $4, $5"], "changes hi and lo"),
    "product written too soon": (["mflo $2", "mtlo $4"], "changes hi and lo"),
}


@pytest.mark.parametrize("lines", ALLOWED.values(), ids=ALLOWED)
def test_what_the_core_has_passes(assembled, lines):
    status, words = check(assembled(*lines))
    assert (status, "all of which a Lexra core has" in words) == (0, True), words


@pytest.mark.parametrize(("lines", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_the_core_lacks_is_refused_with_place_and_reason(assembled, lines, reason):
    status, words = check(assembled("addiu $29, $29, -32", *lines))
    assert status == 1
    assert "<tested+0x" in words
    assert reason in words


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["-march=mips32r2", "-O2"], "not an instruction of a Lexra core"),
        (["-march=mips1", "-O2"], "lwl"),  # without -mmemcpy
    ],
)
def test_a_build_with_the_wrong_flags_is_refused(tmp_path, flags, reason):
    source = tmp_path / "unit.c"
    source.write_text(
        "struct eight { char bytes[8]; };\n"
        "void copy(struct eight *to, const struct eight *from) { *to = *from; }\n"
        "int product(int a, int b) { return a * b + __builtin_clz(a); }\n"
    )
    made = tmp_path / "unit.o"
    common = ["-EB", "-mabi=32", "-msoft-float", "-mno-abicalls", "-fno-pic"]
    subprocess.run([COMPILER, *common, *flags, "-c", "-o", str(made), str(source)], check=True)
    status, words = check(made)
    assert status == 1
    assert reason in words


@pytest.mark.parametrize("content", [b"", b"\x7fELF\x01\x01" + bytes(60), b"no program" * 20])
def test_what_is_no_such_program_does_not_pass(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    assert check(path) == (1, f"{path}: not a big-endian 32-bit MIPS ELF file\n" + tail(path))


def tail(path):
    return f"{path}: 1 refused of 0 instructions\n"


def test_the_firmware_for_the_realtek_board_passes_without_exception():
    firmware = build.ensure("rtl8196")
    status, words = check(firmware.path)
    assert status == 0, words
    assert int(words.split()[0]) > 30_000


def test_the_emulated_boards_firmware_differs_by_its_sleep_alone():
    firmware = build.ensure("mips")
    assert check(firmware.path, *MALTA_SLEEPS)[0] == 0
    status, words = check(firmware.path)
    assert status == 1
    assert "<malta_wait+" in words
    assert "1 refused of " in words


def test_a_build_whose_firmware_is_refused_fails(assembled, tmp_path):
    # The firmware stands there ready and may not be made again, so that only the check is left.
    firmware = tmp_path / "firmware.elf"
    shutil.copy(assembled("lwl $2, 0($4)"), firmware)
    stamp = tmp_path / "instructions-checked"
    tree = sources.tree(sources.load(image.load("rtl8196").source), lambda _: None)
    argv = ["make", "-C", str(paths.images_dir() / "mips"), "BOARD=rtl8196", "-o", str(firmware)]
    argv += [f"MICROPYTHON={tree}", f"BUILD={tmp_path}", f"FROZEN_MODULES={tmp_path}"]
    argv += [f"MPY_LIB_DIR={tmp_path}", str(stamp)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "lwl" in done.stderr
    assert not stamp.exists()
