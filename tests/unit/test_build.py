"""hil.build: what makes a new firmware, what does not, and what a failure says.

The images and the source tree here are tiny stand-ins with real Makefiles, so that every build is a
real run of make and takes milliseconds. The real images are built in tests/system/test_build.py.
"""

import hashlib
import threading
from pathlib import Path

import pytest

from hil import build, paths
from hil.errors import BuildError, MissingTool

RECIPE = """
name = "demo"
description = "for tests"
source = "micropython"
output = "demo.bin"
compiler = "gcc"
shares = ["shared"]

[requires]
make = "make"
"""
LOCK = """
[micropython]
package = "micropython"
version = "1"
suite = "trixie"
archive = "a"
override = "MICROPYTHON_DIR"
known_by = "py/mpconfig.h"
[micropython.sha256]
a = "0000000000000000000000000000000000000000000000000000000000000000"
"""
# Each build adds a line to `runs`, so that builds can be counted.
MAKEFILE = """
all:
	echo run >> $(RUNS)
	mkdir -p $(BUILD)
	cat main.c ../shared/part.c > $(BUILD)/demo.bin
	cd $(FROZEN_MODULES) && find . -type f | sort >> $(BUILD)/demo.bin
"""
VERSION = """#define MICROPY_VERSION_MAJOR 1
#define MICROPY_VERSION_MINOR 25
#define MICROPY_VERSION_MICRO 0
"""


class Farm:
    """A folder with images, a source tree, frozen modules and a cache."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.images = base / "images"
        self.tree = base / "tree"
        self.write("images/demo/image.toml", RECIPE)
        self.write("images/demo/Makefile", MAKEFILE.replace("$(RUNS)", str(base / "runs")))
        self.write("images/demo/main.c", "main\n")
        self.write("images/shared/part.c", "part\n")
        self.write("images/sources.lock.toml", LOCK)
        self.write("tree/py/mpconfig.h", VERSION)
        self.write("tree/mpy-cross/Makefile", "all:\n\ttouch $(BUILD)/mpy-cross\n")
        self.write("tls/tlscore/__init__.py", "")
        self.write("tls/tlscore/record.py", "")
        (base / "package").mkdir()

    def write(self, name: str, text: str) -> None:
        path = self.base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def runs(self) -> int:
        runs = self.base / "runs"
        return len(runs.read_text().splitlines()) if runs.exists() else 0


@pytest.fixture
def farm(tmp_path, monkeypatch):
    farm = Farm(tmp_path)
    monkeypatch.setattr(paths, "images_dir", lambda: farm.images)
    monkeypatch.setattr(paths, "tlscore_parent", lambda: tmp_path / "tls")
    monkeypatch.setattr(paths, "package_dir", lambda: tmp_path / "package")
    monkeypatch.setenv("HIL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MICROPYTHON_DIR", str(farm.tree))
    return farm


def test_a_firmware_is_what_make_left_with_its_facts(farm):
    firmware = build.ensure("demo")
    assert firmware.path.read_text().startswith("main\npart\n")
    assert firmware.sha256 == hashlib.sha256(firmware.path.read_bytes()).hexdigest()
    assert (firmware.image, firmware.micropython) == ("demo", "1.25.0")
    assert firmware.symbols == {}
    assert firmware.flash_bytes is None


def test_make_is_told_where_a_library_is_and_another_library_is_another_firmware(farm, monkeypatch):
    farm.write("images/demo/image.toml", RECIPE.replace("shares", 'libraries = ["net"]\nshares'))
    lock = LOCK.replace("[micropython", "[net").replace("MICROPYTHON_DIR", "NET_DIR")
    farm.write("images/sources.lock.toml", LOCK + lock.replace("py/mpconfig.h", "net.c"))
    makefile = (farm.images / "demo" / "Makefile").read_text()
    farm.write("images/demo/Makefile", makefile + "\tcat $(NET)/net.c >> $(BUILD)/demo.bin\n")
    farm.write("net/net.c", "packets\n")
    monkeypatch.setenv("NET_DIR", str(farm.base / "net"))
    first = build.ensure("demo")
    assert first.path.read_text().endswith("packets\n")
    farm.write("net/net.c", "frames\n\n")
    assert build.ensure("demo").path.read_text().endswith("frames\n\n")
    assert farm.runs() == 2


def test_equal_inputs_are_built_once(farm):
    assert build.ensure("demo") == build.ensure("demo")
    assert farm.runs() == 1


@pytest.mark.parametrize(
    "name",
    [
        "tls/tlscore/record.py",
        "images/demo/main.c",
        "images/demo/Makefile",
        "images/shared/part.c",
        "tree/py/mpconfig.h",
    ],
)
def test_a_change_of_anything_that_goes_in_makes_a_new_firmware(farm, name):
    first = build.ensure("demo")
    farm.write(name, (farm.base / name).read_text() + "\n# changed\n")
    second = build.ensure("demo")
    assert second.path != first.path
    assert first.path.exists()


def test_going_back_to_former_inputs_finds_the_former_firmware(farm):
    first = build.ensure("demo")
    farm.write("tls/tlscore/record.py", "changed = 1\n")
    build.ensure("demo")
    farm.write("tls/tlscore/record.py", "")
    assert build.ensure("demo") == first
    assert farm.runs() == 2


def test_documentation_is_not_part_of_a_firmware(farm):
    first = build.ensure("demo")
    farm.write("images/demo/README.md", "words")
    assert build.ensure("demo") == first


def test_new_modules_are_frozen_without_being_listed_anywhere(farm):
    farm.write("tls/tlscore/x509/der.py", "")
    for_a_pc = ("__main__.py", "certificate_files.py", "verify_command.py")
    for name in for_a_pc:
        farm.write(f"tls/tlscore/{name}", "")
    farm.write("tls/tests/portable/vector_checks.py", "")
    farm.write("package/ontarget/hil_agent.py", "")
    farm.write("package/tlsrig/ontarget/tls_jobs.py", "")
    farm.write("package/tlsrig/ontarget/__init__.py", "")
    frozen = build.ensure("demo").path.read_text().split()
    assert "./tlscore/x509/der.py" in frozen
    assert {"./hil_agent.py", "./tls_jobs.py", "./vector_checks.py"} <= set(frozen)
    assert not {f"./tlscore/{name}" for name in for_a_pc} & set(frozen)
    assert "./__init__.py" not in frozen


def test_a_removed_module_is_frozen_no_more(farm):
    farm.write("tls/tlscore/gone.py", "")
    assert "gone" in build.ensure("demo").path.read_text()
    stale = farm.base / "cache" / "work" / "demo" / "build" / "frozen_content.c"
    stale.write_text("upstream's script would keep this file")
    (farm.base / "tls" / "tlscore" / "gone.py").unlink()
    assert "gone" not in build.ensure("demo").path.read_text()
    assert not stale.exists()


def test_inputs_unchanged_keep_their_time_so_that_make_can_skip_them(farm):
    build.ensure("demo")
    laid_out = farm.base / "cache" / "work" / "demo" / "recipe" / "demo" / "main.c"
    before = laid_out.stat().st_mtime_ns
    farm.write("tls/tlscore/record.py", "changed = 1\n")
    build.ensure("demo")
    assert laid_out.stat().st_mtime_ns == before


def test_a_changed_makefile_starts_from_nothing(farm):
    build.ensure("demo")
    left = farm.base / "cache" / "work" / "demo" / "build" / "left"
    left.write_text("by the old rules")
    makefile = farm.base / "images" / "demo" / "Makefile"
    makefile.write_text(makefile.read_text() + "# other rules\n")
    build.ensure("demo")
    assert not left.exists()


def test_a_damaged_firmware_in_the_cache_is_built_again(farm):
    first = build.ensure("demo")
    first.path.write_text("bits rot")
    assert build.ensure("demo") == first
    assert first.path.read_text().startswith("main\n")


def test_builders_at_the_same_time_share_one_build(farm):
    makefile = farm.base / "images" / "demo" / "Makefile"
    makefile.write_text(makefile.read_text().replace("all:\n", "all:\n\tsleep 0.3\n"))
    found, told = [], []
    threads = [
        threading.Thread(target=lambda: found.append(build.ensure("demo", told.append)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(set(map(str, found))) == 1
    assert farm.runs() == 1
    assert "demo: waiting for another build of it" in told


def test_progress_is_told_with_the_images_name(farm):
    told = []
    build.ensure("demo", told.append)
    assert told
    assert all(line.startswith("demo: ") for line in told)
    assert told[-1].startswith("demo: built in ")


def test_a_failed_build_shows_the_end_of_the_output_and_where_the_rest_is(farm):
    farm.write("images/demo/Makefile", "all:\n\t@echo no rule for this >&2; exit 3\n")
    with pytest.raises(BuildError) as caught:
        build.ensure("demo")
    log = farm.base / "cache" / "work" / "demo" / "make.log"
    assert "no rule for this" in str(caught.value)
    assert str(log) in str(caught.value)
    assert "no rule for this" in log.read_text()


def test_an_image_too_large_for_its_flash_is_told_with_the_number(farm):
    message = "ld: region `FLASH' overflowed by 1234 bytes"
    farm.write("images/demo/Makefile", f'all:\n\t@echo "{message}" && false\n'.replace("`", "\\`"))
    with pytest.raises(BuildError) as caught:
        build.ensure("demo")
    problem = str(caught.value).splitlines()[0]
    assert problem.startswith(f"{farm.images}/demo/image.toml: the image does not fit: ")
    assert "FLASH is 1234 bytes too small for it" in problem


def test_a_failed_build_leaves_nothing_that_looks_finished(farm):
    good = (farm.base / "images" / "demo" / "Makefile").read_text()
    farm.write("images/demo/Makefile", good + "\tfalse\n")
    for _ in range(2):
        with pytest.raises(BuildError):
            build.ensure("demo")
    assert farm.runs() == 2


def test_a_recipe_that_leaves_another_file_is_told(farm):
    farm.write("images/demo/Makefile", "all:\n\ttrue\n")
    with pytest.raises(BuildError, match=r"output: make succeeded without leaving .*demo.bin"):
        build.ensure("demo")


def test_a_missing_tool_is_named_with_the_command_that_installs_it(farm):
    lacking = '\nno-such-gcc = "gcc-nosuch"\n"/no/such/header.h" = "libnosuch-dev"\n'
    farm.write("images/demo/image.toml", RECIPE + lacking)
    with pytest.raises(MissingTool) as caught:
        build.ensure("demo")
    assert caught.value.what == "no-such-gcc, /no/such/header.h"
    assert caught.value.install.endswith("apt-get install gcc-nosuch libnosuch-dev")
    assert build.missing_packages(["demo"]) == ["gcc-nosuch", "libnosuch-dev"]
    assert farm.runs() == 0


def test_a_cache_folder_make_cannot_work_in_is_refused(farm, monkeypatch):
    monkeypatch.setenv("HIL_CACHE", str(farm.base / "a blank"))
    with pytest.raises(BuildError, match="set HIL_CACHE to another folder"):
        build.ensure("demo")


def test_the_users_compiler_flags_stay_outside(farm, monkeypatch):
    monkeypatch.setenv("CFLAGS", "-DSPOILT")
    monkeypatch.setenv("MAKEFLAGS", "--silent")
    farm.write("images/demo/Makefile", "all:\n\tenv > $(BUILD).txt\n\tmv $(BUILD).txt demo.bin\n")
    with pytest.raises(BuildError, match="without leaving"):
        build.ensure("demo")
    seen = (farm.base / "cache" / "work" / "demo" / "recipe" / "demo" / "demo.bin").read_text()
    assert "SPOILT" not in seen
    assert "--silent" not in seen
    assert "MICROPY_GIT_TAG=v1.25.0" in seen


def test_the_users_own_tree_is_never_written_to(farm):
    before = sorted((str(path), path.stat().st_mtime_ns) for path in farm.tree.rglob("*"))
    build.ensure("demo")
    after = sorted((str(path), path.stat().st_mtime_ns) for path in farm.tree.rglob("*"))
    assert after == before


def test_two_modules_of_one_name_are_refused(farm):
    farm.write("package/ontarget/jobs.py", "")
    farm.write("package/tlsrig/ontarget/jobs.py", "")
    with pytest.raises(BuildError, match="would be frozen under one name"):
        build.ensure("demo")


def test_the_shipped_modules_exist():
    modules = build.frozen_modules()
    assert {"tlscore/__init__.py", "hil_agent.py"} <= set(modules)
    assert all(path.is_file() for path in modules.values())


def test_a_bare_image_is_made_of_its_source_alone(farm, monkeypatch):
    lock = LOCK.replace("[micropython", "[library").replace("MICROPYTHON_DIR", "LIBRARY_DIR")
    farm.write("images/sources.lock.toml", lock.replace("py/mpconfig.h", "library.c"))
    recipe = RECIPE.replace('"micropython"', '"library"').replace("shares", "bare = true\nshares")
    farm.write("images/demo/image.toml", recipe)
    told = "echo '$(LIBRARY) $(MICROPYTHON)$(FROZEN_MODULES)' > $(BUILD)/demo.bin"
    farm.write("images/demo/Makefile", f"all:\n\tmkdir -p $(BUILD)\n\t{told}\n")
    farm.write("library/library.c", "")
    monkeypatch.setenv("LIBRARY_DIR", str(farm.base / "library"))
    firmware = build.ensure("demo")
    assert firmware.path.read_text() == f"{farm.base / 'library'} \n"
    assert firmware.interpreter == "no MicroPython"
    farm.write("tls/tlscore/record.py", "changed = True\n")
    assert build.ensure("demo").path == firmware.path
