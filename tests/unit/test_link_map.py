"""What the bytes of a firmware are of, tried on a small program that is really linked."""

from __future__ import annotations

import subprocess
from collections import Counter

import pytest

from hil import link_map
from hil.errors import BuildError

# Sections as in an image: one for each function and each constant.
FLAGS = [
    "-Os",
    "-ffunction-sections",
    "-fdata-sections",
    "-fno-pie",
    "-fno-asynchronous-unwind-tables",
]
SOURCES = {
    "py/vm.c": "int run(int n) { return n * 7 + 1; } int depth = 3; int stack[40];",
    "extmod/modjson.c": 'const char *dump(void) { return "a string of its own"; }',
    "common/main.c": """
        extern int run(int); extern int depth, stack[40]; extern const char *dump(void);
        extern const int constants_tlscore_client[], names_of_all[], rom_list[];
        void start(void) { stack[0] = run(depth) + dump()[0] + constants_tlscore_client[1]
                           + names_of_all[1] + rom_list[0]; for (;;) { } }
    """,
    "rom_modules.c": """
        const int constants_tlscore_client[25] = { 1, 2 };
        const int names_of_all[10] = { 3, 4 };
        const int rom_list[3] = { 5 };
    """,
}
SCRIPT = """
    ENTRY(start)
    SECTIONS {
        .text 0x10000 : { *(.text*) *(.rodata*) . = ALIGN(16); }
        .stack 0x20000 (NOLOAD) : { . += 512; }
        .data : { *(.data*) }
        .bss (NOLOAD) : { *(.bss*) *(COMMON) }
        /DISCARD/ : { *(.note*) *(.eh_frame*) *(.comment) }
    }
"""


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """A folder in which such a program was built."""
    folder = tmp_path_factory.mktemp("build")
    (folder / "script.ld").write_text(SCRIPT)
    objects = []
    for name, text in SOURCES.items():
        source = folder / name
        source.parent.mkdir(exist_ok=True)
        source.write_text(text)
        objects.append(source.with_suffix(".o"))
        compile_it = ["gcc", *FLAGS, "-c", str(source), "-o", str(objects[-1])]
        subprocess.run(compile_it, check=True, capture_output=True)
    link = ["gcc", "-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none", "-T", "script.ld"]
    link += ["-Wl,-Map=firmware.map", "-o", "firmware.elf", *map(str, objects)]
    subprocess.run(link, cwd=folder, check=True, capture_output=True)
    (folder / "rom_symbols.txt").write_text(
        "constants_tlscore_client tlscore.client\nnames_of_all (names)\n+12 (names)\n"
    )
    return folder


@pytest.fixture(scope="module")
def found(build):
    rows = link_map.components(build / "firmware.elf", build)
    return {(row.group, row.name): row for row in rows}


def test_the_components_add_up_to_what_the_tool_size_says(build, found):
    told = subprocess.run(
        ["size", str(build / "firmware.elf")], capture_output=True, text=True, check=True
    )
    text, data, bss = map(int, told.stdout.splitlines()[1].split()[:3])
    rows = found.values()
    assert sum(row.text_bytes for row in rows) == text
    assert sum(row.data_bytes for row in rows) == data
    assert sum(row.bss_bytes for row in rows) == bss


def test_objects_belong_to_the_folder_of_their_source(found):
    core = found["MicroPython", "core"]
    assert (core.data_bytes, core.bss_bytes) == (4, 160)
    assert core.text_bytes > 0
    assert found["MicroPython", "extmod"].text_bytes > 0
    assert found["port", "common"].text_bytes > 0


def test_python_modules_are_told_apart_by_their_symbols(found):
    assert found["Python modules", "tlscore.client"].text_bytes == 100
    assert found["Python modules", "(lists)"].text_bytes == 12


def test_characters_of_names_are_taken_from_the_strings(found):
    assert found["Python modules", "(names)"].text_bytes == 40 + 12
    assert found["rest", "merged strings"].text_bytes == len("a string of its own") + 1 - 12


def test_a_reserved_stack_is_a_component_of_its_own(found):
    assert found["rest", "stack"].bss_bytes == 512


def test_without_a_list_of_symbols_all_modules_are_one(build, tmp_path):
    for name in ("firmware.map", "firmware.elf"):
        text = (build / name).read_bytes().replace(str(build).encode(), str(tmp_path).encode())
        (tmp_path / name).write_bytes(text)
    rows = link_map.components(build / "firmware.elf", tmp_path)
    (python,) = [row for row in rows if row.group == "Python modules"]
    assert (python.name, python.text_bytes) == ("all", 100 + 40 + 12)


def test_a_build_without_a_map_has_no_components(build, tmp_path):
    assert link_map.components(build / "firmware.elf", tmp_path) == ()


def test_the_map_of_another_firmware_is_refused(build, tmp_path):
    text = (build / "firmware.map").read_text().replace("0x0000000000010", "0x0000000000990")
    (tmp_path / "firmware.map").write_text(text)
    with pytest.raises(BuildError, match="is not the map of this firmware"):
        link_map.components(build / "firmware.elf", tmp_path)


def test_what_is_no_elf_file_is_refused(tmp_path):
    (tmp_path / "firmware.elf").write_text("#!/bin/sh")
    with pytest.raises(BuildError, match="is no ELF file"):
        list(link_map.sections(tmp_path / "firmware.elf"))


# A piece whose strings were all found elsewhere keeps its size in the map, but has no room.
MERGED = """
Linker script and memory map

.rodata         0x00000100       0x20
 .rodata.first.str1.4
                0x00000100       0x10 /b/py/a.o
                                 0x14 (size before relaxing)
 .rodata.second.str1.4
                0x00000110       0x10 /b/py/b.o
 .rodata.table  0x00000110       0x10 /b/py/b.o
                0x00000110                table
 *fill*         0x00000120        0x0
"""


def test_pieces_that_were_merged_away_take_no_room(tmp_path):
    section = link_map.Section(".rodata", "text", 0x100, 0x20)
    sizes = Counter()
    for piece, size in link_map.clipped(section, list(link_map.pieces(MERGED)), tmp_path):
        sizes[piece.name] += size
    assert sizes == {
        ".rodata.first.str1.4": 16,
        ".rodata.second.str1.4": 0,
        ".rodata.table": 16,
    }
