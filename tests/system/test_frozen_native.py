"""Machine code frozen into a firmware runs from flash: viper, native and inline assembler.

The image of small flash cannot make such code on the board; running it is what counts there.
"""

import pytest

from hil import boot, build, paths, target

VIPER = """
import micropython

@micropython.viper
def xor(target: ptr8, other: ptr8, size: int):
    for i in range(size):
        target[i] ^= other[i]

@micropython.native
def total(numbers):
    result = 0
    for number in numbers:
        result += number
    return result
"""
THUMB = """
@micropython.asm_thumb
def product(r0, r1):
    data(2, 0xfba0, 0x2301)  # umull r2, r3, r0, r1
    mov(r0, r3)
"""
RV32 = """
@micropython.asm_rv32
def product(a0, a1):
    mulhu(a0, a0, a1)
"""
JOB = """
def job(link):
    octets = bytearray(b"abc")
    xor(octets, b"   ", 3)
    return bytes(octets), total([1, 1 << 70]), product(1 << 29, 24)
"""
ASSEMBLER = {"cortexm": THUMB, "lm3s6965": THUMB, "riscv32": RV32}


@pytest.mark.parametrize("name", ASSEMBLER)
def test_frozen_machine_code_runs(name, tmp_path, monkeypatch):
    facts = target.load(paths.targets_dir() / f"qemu-{name}.toml")
    probe = tmp_path / "native_probe.py"
    probe.write_text(VIPER + ASSEMBLER[name] + JOB)
    frozen = build.frozen_modules

    def with_probe(kernels):
        modules = frozen(kernels)
        del modules["vector_checks.py"]  # in its place: the smallest flash is full
        return {**modules, probe.name: probe}

    monkeypatch.setattr(build, "frozen_modules", with_probe)
    with boot.boot(facts, build.ensure(name), log_dir=tmp_path) as board:
        assert board.origins("native_probe")["native_probe"] != "installed"
        assert board.call("native_probe:job", timeout_s=20) == (b"ABC", (1 << 70) + 1, 3)
