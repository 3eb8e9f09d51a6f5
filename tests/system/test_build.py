"""The real images: built from the real source, and again only as much as a change asks for."""

import ast
import json
import os
import subprocess
import time

import pytest

from hil import build, image, paths, sources

COMPILED = "CC "


def make_log(name: str) -> list[str]:
    return (paths.cache_dir() / "work" / name / "make.log").read_text().splitlines()


@pytest.fixture(params=["unix", "cortexm"])
def name(request):
    return request.param


@pytest.fixture
def changed_module(tmp_path, monkeypatch):
    """Add a module of another content each time to what is frozen."""
    frozen = build.frozen_modules
    path = tmp_path / "hil_build_probe.py"

    def change(text: str) -> None:
        path.write_text(text)
        monkeypatch.setattr(
            build, "frozen_modules", lambda kernels: {**frozen(kernels), path.name: path}
        )

    return change


def run(firmware, code: str) -> str:
    argv = [str(firmware.path), "-X", "heapsize=256k", "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_firmware_has_a_version_and_a_hash(name):
    firmware = build.ensure(name)
    assert firmware.path.is_file()
    assert len(firmware.sha256) == 64
    if "MICROPYTHON_DIR" not in os.environ:
        assert firmware.micropython == "1.25.0"


def test_a_second_build_makes_nothing(name):
    build.ensure(name)
    told: list[str] = []
    build.ensure(name, told.append)
    assert told == []


def test_a_changed_module_recompiles_that_module_only(name, changed_module):
    changed_module(f"CREATED = {time.time_ns()}\n")
    build.ensure(name)
    changed_module(f"CREATED = {time.time_ns()}\n")
    build.ensure(name)
    modules = [line for line in make_log(name) if line.startswith("MPY ")]
    compiled = [line for line in make_log(name) if line.startswith(COMPILED)]
    assert modules == ["MPY hil_build_probe.py"]
    assert len(compiled) <= 2, compiled


def test_every_module_of_the_core_is_frozen_and_compiles(name):
    firmware = build.ensure(name)
    content, sized = firmware.path.read_bytes(), firmware.flash_by_module
    modules = build.modules_of(image.load(name))
    missing = build.frozen_modules().keys() - modules.keys()
    assert all(module.startswith("tlscore/dtls13/") for module in missing), missing
    for module in modules:
        # Where modules are placed in flash their sizes are known, by what they are imported as.
        imported_as = module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        assert imported_as in sized or b"\0" + module.encode() + b"\0" in content, module


def test_the_unix_image_offers_what_on_target_code_needs():
    code = """
import gc, time, hashlib, select, binascii, struct, micropython, sys, json
time.ticks_us(); time.ticks_ms(); time.ticks_cpu(); time.ticks_diff(2, 1)
digest = binascii.hexlify(hashlib.sha256(b"abc").digest())
print(json.dumps([sys.path, str(digest, "ascii"), str(1 << 300), micropython.stack_use() > 0]))
select.poll()
micropython.mem_info()
"""
    firmware = build.ensure("unix")
    first, _, rest = run(firmware, code).partition("\n")
    search_path, digest, big, stack_used = json.loads(first)
    assert search_path == ["", ".frozen"]
    assert digest.startswith("ba7816bf8f01cfea")
    assert big == str(1 << 300)
    assert stack_used is True
    assert "GC: total:" in rest


def test_the_unix_images_heap_is_the_one_asked_for():
    firmware = build.ensure("unix")
    code = "import gc; print(gc.mem_free() + gc.mem_alloc())"
    sizes = {}
    for heap_bytes in (32768, 65536):
        argv = [str(firmware.path), "-X", f"heapsize={heap_bytes}", "-c", code]
        sizes[heap_bytes] = int(subprocess.check_output(argv, text=True, timeout=20))
    for heap_bytes, size in sizes.items():
        assert 0.95 * heap_bytes < size <= heap_bytes


def test_the_unix_image_has_no_tls_but_ours():
    code = """
found = []
for name in ("tls", "ssl", "cryptolib", "ffi", "btree"):
    try:
        __import__(name)
        found.append(name)
    except ImportError:
        pass
print(found)
"""
    assert ast.literal_eval(run(build.ensure("unix"), code)) == []


def test_the_unix_image_needs_no_library_beside_libc():
    firmware = build.ensure("unix")
    listing = subprocess.check_output(["ldd", str(firmware.path)], text=True)
    names = {line.split()[0].split(".")[0] for line in listing.splitlines()}
    assert {name for name in names if name.startswith("lib")} <= {"libc", "libm"}


def test_the_cortexm_images_sizes_are_those_of_the_linker():
    firmware = build.ensure("cortexm")
    listing = subprocess.check_output(["arm-none-eabi-size", "-A", str(firmware.path)], text=True)
    sections = {
        fields[0]: int(fields[1])
        for fields in map(str.split, listing.splitlines())
        if len(fields) == 3 and fields[1].isdigit()
    }
    assert firmware.flash_bytes == sections[".text"] + sections[".data"]
    assert firmware.ram_static_bytes == sections[".data"] + sections[".bss"]
    stack_bytes = firmware.symbols["hil_stack_top"] - firmware.symbols["hil_stack_bottom"]
    assert stack_bytes == sections[".stack"] == 16384


@pytest.mark.parametrize("name", build.by_default())
def test_the_components_of_every_image_add_up_to_its_sections(name):
    firmware = build.ensure(name)
    told = subprocess.check_output(["size", "-B", str(firmware.path)], text=True)
    text, data, bss = map(int, told.splitlines()[1].split()[:3])
    parts = firmware.components
    assert sum(part.text_bytes for part in parts) == text
    assert sum(part.data_bytes for part in parts) == data
    assert sum(part.bss_bytes for part in parts) == bss
    if firmware.flash_bytes is not None:
        gaps = sum(part.text_bytes for part in parts if part.name == "gaps and reserve")
        assert gaps < 0.01 * text


def test_modules_are_as_large_in_the_map_as_by_their_symbols():
    firmware = build.ensure("cortexm")
    by_map = {part.name: part.text_bytes for part in firmware.components}
    assert len(firmware.flash_by_module) > 50
    for name, size in firmware.flash_by_module.items():
        assert by_map[name] == pytest.approx(size, rel=0.02, abs=16), name


def test_the_source_tree_is_not_written_to(name):
    recipe = image.load(name)
    tree = sources.tree(sources.load(recipe.source), lambda _: None)
    build.ensure(name)
    strays = [path for path in tree.rglob("*") if path.name in ("__pycache__", "build", "genhdr")]
    assert strays == []
