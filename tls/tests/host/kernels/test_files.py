"""Kernels in machine code: made from their source, assembled alike, chosen where they are right."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import kernel_bench as bench
import pytest
import vector_checks

from tlscore import crypto
from tlscore.crypto import x25519

FOLDER = Path(crypto.__file__).parent / "thumb"
VECTOR_FOLDER = Path(__file__).parents[2] / "vectors"
VECTORS = (
    "aes_ccm",
    "aes_gcm",
    "chacha20_poly1305",
    "ecdh_p256",
    "ecdsa_mixed",
    "ecdsa_p256",
    "ecdsa_p384",
    "ecdsa_sign",
    "hkdf",
    "hkdf_label",
    "hkdf_sha384",
    "hmac",
    "hmac_sha384",
    "rsa_pkcs1",
    "rsa_pss",
    "sha256",
    "sha384",
    "sha512",
    "x25519",
)
PRIMITIVES = (
    "aes", "chacha20", "chacha20_poly1305", "gcm", "ghash", "p256", "p384", "poly1305", "rsa",
    "sha256", "sha512", "x25519",
)  # fmt: skip
# Kernel -> primitives that need it, where they are not called the same.
# What does a primitive where no kernel does, unless it is the portable code.
WITHOUT = {"sha256": "hashlib", **dict.fromkeys(("aes", "ghash", "gcm"), "tables")}
NEEDED_BY = {
    "aes_gcm_machine": ("aes", "gcm", "ghash"),
    "chacha20_poly1305_machine": ("chacha20", "chacha20_poly1305", "poly1305"),
    "copy_machine": (),
    "ladder": ("x25519",),
    "montgomery_machine": ("rsa",),
}


@pytest.mark.parametrize("name", [*bench.KERNELS])
def test_the_generated_file_is_what_its_source_makes(name):
    generated = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    assert generated == bench.make_kernels.files()[f"{name}.py"], "run tls/tools/make_kernels.py"


@pytest.mark.parametrize("name", [*bench.KERNELS])
def test_the_numbers_of_the_generated_file_are_the_program(name):
    tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef))
    calls = [node.value for node in function.body]
    assert ast.unparse(calls[0]) == "clz(r4, r4)"
    words = []
    for call in calls[1:]:
        width, *numbers_ = map(ast.literal_eval, call.args)
        assert (call.func.id, width) == ("data", 2)
        words += numbers_
    program = bench.KERNELS[name].kernel().assemble()
    assert b"".join(word.to_bytes(2, "little") for word in words) == program.octets


@pytest.mark.skipif(
    shutil.which("arm-none-eabi-as") is None, reason="apt-get install binutils-arm-none-eabi"
)
@pytest.mark.parametrize("name", [*bench.KERNELS])
def test_gnu_as_makes_the_same_bytes(name, tmp_path):
    code = bench.KERNELS[name].kernel()
    source, objects, image = (tmp_path / f"kernel.{ending}" for ending in ("s", "o", "bin"))
    source.write_text(code.gnu_source())
    subprocess.run(["arm-none-eabi-as", "-o", objects, source], check=True)
    command = ["arm-none-eabi-objcopy", "-O", "binary", "-j", ".text", objects, image]
    subprocess.run(command, check=True)
    assert image.read_bytes() == code.assemble().octets


@pytest.mark.parametrize(
    "line",
    [
        "frobnicate r0, r1", "mov r0, #0x12345678", "ldr r0, [r1, #4096]", "adds r0, r1, #0x101",
        "mov r16, r0", "muls r0, r1, r2", "movw r0, #65536", "ldr r0, [r1], #256", "umull r0, r1",
    ],
)  # fmt: skip
def test_an_instruction_that_does_not_exist_is_named(line):
    with pytest.raises(bench.encoding.AssemblyError, match=line.partition(" ")[0]):
        bench.encoding.encode(line)


def test_a_label_must_be_there_once():
    code = bench.assembler.Code()
    code("b nowhere")
    with pytest.raises(bench.encoding.AssemblyError, match="nowhere"):
        code.assemble()
    code("nowhere:", "nop", "nowhere:")
    with pytest.raises(bench.encoding.AssemblyError, match="twice"):
        code.assemble()


@pytest.mark.parametrize("kind", VECTORS)
def test_published_vectors_through_the_kernels(machines, kind):
    for path in sorted(VECTOR_FOLDER.glob(kind + "-*.txt")):
        lines = vector_checks.sample(path.read_text().splitlines(), 0)
        lines = lines[:: 1 if len(lines) < 40 else 3]  # all of them go through boards
        passed, failed = vector_checks.run(path.stem, lines)
        assert (passed, failed) == (len(lines), [])
    assert any(core.instructions for core in machines.values())


def test_the_kernels_are_chosen_and_named(machines):
    assert crypto.backends() == dict.fromkeys(PRIMITIVES, "thumb")


def test_without_an_inline_assembler_there_is_no_machine_code():
    found = crypto.backends()
    assert found == {primitive: WITHOUT.get(primitive, "portable") for primitive in PRIMITIVES}


@pytest.mark.parametrize("module", [*bench.KERNELS])
def test_a_kernel_that_gives_a_wrong_answer_is_not_used(machines, monkeypatch, module):
    kernel = bench.KERNELS[module]
    monkeypatch.setattr(sys.modules[f"tlscore.crypto.thumb.{module}"], kernel.NAME, spoilt)
    expected = dict.fromkeys(PRIMITIVES, "thumb")
    for primitive in NEEDED_BY.get(module, (module.removesuffix("_machine"),)):
        expected[primitive] = WITHOUT.get(primitive, "portable")
    assert crypto.backends() == expected
    assert x25519.public_key(bytes(32))[:4] == b"\x2f\xe5\x7d\xa3"


def spoilt(*arguments):
    """Stand for a miscompiled kernel."""
