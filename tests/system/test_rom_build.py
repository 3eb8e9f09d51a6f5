"""Placing modules in flash: what cannot be placed stops the build; an image can leave modules out.

The tool is run as the build runs it, on modules of the tests; the small image is a whole build.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hil import boot, build, image, paths, sources, target, workshop

# What a client needs that knows its servers by pre-shared keys alone is the rest.
NOT_FOR_PSK = [
    "tlscore.server*", "tlscore.x509*", "tlscore.trust*", "tlscore.certificate*",
    "tlscore.client_certificates", "tlscore.client_authentication", "tlscore.identity",
    "tlscore.clock*", "tlscore.entropy_*", "tlscore.retry_cookie", "tlscore.ticket*",
    "tlscore.session", "tlscore.offered_keys", "tlscore.client_hello_parser",
    "tlscore.codepoints", "tlscore.crypto.ccm", "tlscore.crypto.chacha20*",
    "tlscore.crypto.ec*", "tlscore.crypto.ed25519", "tlscore.crypto.p256",
    "tlscore.crypto.p384", "tlscore.crypto.poly1305", "tlscore.crypto.rsa*",
    "tlscore.crypto.sha512", "tlscore.crypto.signature", "tlscore.crypto.weierstrass",
    "tlscore.crypto.back_ends", "tlscore.crypto.x25519_base", "tlscore.credentials",
    "tlscore.crypto.pieces", "tlscore.large_record", "tlscore.record_in_pieces",
    "tlscore.staged_handshake", "tlscore.dtls*", "tlscore.tls12*", "tls_noise", "vector_checks",
]  # fmt: skip

# One of every kind of thing that can be placed, and what it has to do.
KINDS = """
import micropython

@micropython.asm_thumb
def assembled(r0, r1):
    add(r0, r0, r1)

@micropython.viper
def viper(data, count: int) -> int:
    octets = ptr8(data)
    total = 0
    for i in range(count):
        total += octets[i]
    return total

@micropython.native
def native(a, b=1 << 40, *, c="text"):
    return (a, b, c, [a + i for i in range(2)])

def defaults(a, b=2, *rest, c=(3, b"four"), **more):
    return a, b, rest, c, more

def count_to(limit):
    for i in range(limit):
        yield i

class Base:
    size = 5

    def __init__(self, value):
        self.value = value

    def __getitem__(self, index):
        return self.value + index

    def __eq__(self, other):
        return self.value == other.value

    @property
    def twice(self):
        return 2 * self.value

    @twice.setter
    def twice(self, value):
        self.value = value // 2

class Derived(Base):
    def __init__(self, value, *, extra=0):
        super().__init__(value + extra)

    @staticmethod
    def plain(a, b=9):
        return a, b

    @classmethod
    def made(cls, value):
        return cls(value)

class Many(Derived, Exception):
    pass

FIXED = Base(100)
HANDLERS = (defaults, Base, FIXED, -(1 << 70), "a string that is too long for a name of any kind")

def check():
    assert assembled(40, 2) == 42
    assert viper(b"abc", 3) == 294
    assert native(1, c=2) == (1, 1 << 40, 2, [1, 2])
    assert defaults(1) == (1, 2, (), (3, b"four"), {})
    assert defaults(1, 5, 6, c=7, d=8) == (1, 5, (6,), 7, {"d": 8})
    assert list(count_to(3)) == [0, 1, 2]
    made = Derived.made(4)
    assert (made.twice, made[1], made.size, made.plain(1)) == (8, 5, 5, (1, 9))
    made.twice = 10
    assert made.value == 5 and made == Derived(2, extra=3) and made != Derived(4)
    assert isinstance(made, Base) and "Derived" in repr(made)
    assert FIXED.value == 100 and FIXED[0] == 100 and FIXED.twice == 200
    try:
        raise Many(1)
    except Exception as error:
        assert error.value == 1 and type(error) is Many
    assert Many.__bases__ == (Derived, Exception)
    assert HANDLERS[0] is defaults and HANDLERS[2] is FIXED and HANDLERS[3] == -(2 ** 70)
    assert HANDLERS[4].endswith("kind")
    assert sorted(Derived.__dict__) == ["__init__", "made", "plain"]
    return "all of it"
"""


@pytest.fixture(scope="module")
def built():
    """The build folder of an image, and the tree and compiler of its modules."""
    recipe = image.load("cortexm")
    build.ensure("cortexm")
    tree = sources.tree(sources.load(recipe.source), lambda _: None)
    work = paths.cache_dir() / "work"
    cross = workshop.mpy_cross(tree, build._version_line("gcc"), work, lambda _: None)
    return work / "cortexm" / "build", tree, cross


@pytest.fixture
def place(built, tmp_path):
    """Run the tool on modules given as text; return its exit status, errors and C file."""
    headers, tree, cross = built[0] / "genhdr", *built[1:]

    def run(executed="", *more, **modules):
        for name, text in modules.items():
            source = tmp_path / "sources" / f"{name}.py"
            source.parent.mkdir(exist_ok=True)
            source.write_text(text)
            compiled = tmp_path / "compiled" / f"{name}.mpy"
            compiled.parent.mkdir(exist_ok=True)
            argv = [cross, "-s", f"{name}.py", "-o", compiled, source]
            subprocess.run(argv, check=True)
        (tmp_path / "executed.txt").write_text(executed)
        output = tmp_path / "out.c"
        argv = [sys.executable, "-m", "rom", "--tool", tree / "tools" / "mpy-tool.py"]
        argv += ["--sources", tmp_path / "sources", "--compiled", tmp_path / "compiled"]
        argv += ["--headers", headers, "--executed", tmp_path / "executed.txt"]
        argv += ["--pointer-bytes", "4", "--byte-order", "1234", "--digit-bits", "16"]
        argv += ["--symbols", tmp_path / "symbols.txt", "-o", output, *more]
        where = {**os.environ, "PYTHONPATH": str(paths.images_dir() / "common")}
        where.pop("PYTHONDONTWRITEBYTECODE", None)
        done = subprocess.run(argv, env=where, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr, output.read_text() if output.exists() else ""

    return run


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("TABLE = [1, 2]", "in probe: globals.TABLE: a list cannot be constant"),
        ("ROWS = (1, {})", "in probe: globals.ROWS_1: a dict cannot be constant"),
        ("class A:\n    seen = []", "in probe: A.seen: a list cannot be constant"),
        ("import time\nX = 1\nNOW = time.ticks_ms()", "in probe, behind X: calls time.ticks_ms"),
        ("from hashlib import sha256", "in probe: globals.sha256: hashlib.sha256 cannot be"),
        ("import nowhere", "in probe: its body raises ImportError: no module named 'nowhere'"),
        ("X = 1 // 0", "in probe: its body raises ZeroDivisionError"),
        ("import gc\nX = 2 if gc.threshold else 3", "only the board knows whether gc.threshold"),
        ("import gc\nX = gc.mem_free + 1", "only the board can compute with gc.mem_free"),
        ("X = lambda: [0]\nY = X()\nX = 0", "in probe: globals.Y: a list cannot be constant"),
    ],
)
def test_what_cannot_be_placed_stops_the_build_and_is_named(place, text, complaint):
    status, errors, _ = place(probe=text)
    assert status == 1
    assert complaint in errors
    assert "list the module in images/common/executed.txt" in errors


def test_the_tool_leaves_nothing_beside_the_script_it_imports(place, built):
    assert place(probe="X = 1")[0] == 0
    assert list((built[1] / "tools").rglob("__pycache__")) == []


def test_a_module_on_the_list_is_executed_on_the_board_instead(place):
    status, errors, text = place(executed="probe  # counts\n", probe="TABLE = []", other="X = 1")
    assert (status, errors) == (0, "")
    assert '"probe.py\\0"' in text
    assert "rom_other__module" in text
    assert "rom_probe__module" not in text


def test_a_placed_module_cannot_hold_one_that_is_executed(place):
    status, errors, _ = place(executed="probe\n", probe="TABLE = []", other="import probe")
    assert status == 1
    assert "in other: globals.probe: probe cannot be referred to: it is executed" in errors


def test_what_a_body_computes_is_in_flash_and_the_body_is_not(place):
    text = (
        "import sys\n"
        "try:\n    from nowhere import thing\nexcept ImportError:\n    thing = None\n"
        "class Pair:\n"
        "    def __init__(self, a, b=7):\n        self.a = a\n        self.sum = a + b\n"
        "ONE = Pair(5)\n"
        "BIG = tuple([x << 40 for x in range(2)]) if sys.maxsize < 1 << 40 else ()\n"
    )
    status, errors, written = place(probe=text)
    assert (status, errors) == (0, "")
    assert "MP_ROM_QSTR(MP_QSTR_sum), MP_ROM_INT(12)" in written
    assert "MP_ROM_QSTR(MP_QSTR_thing), MP_ROM_NONE" in written
    assert "rom_probe__globals_BIG_1_digits" in written
    assert "fun_data_probe_Pair___init__" in written
    assert "lt_module_gt" not in written


MEMBERS = """
class Base:
    def __init__(self, a):
        self.a = a
        self.again()
        self.a.elsewhere = 1
        self.a.call()

    def again(self):
        self.b = self.c = 2
        self.again()

    def call(self):
        self.never = 3

class Derived(Base):
    def __init__(self, a, more):
        super().__init__(a)
        self.d = self.a = 4
        for each in more:
            self.each = each
        if more:
            self.sometimes = more
        self.e = 5

class Silent(Base):
    pass

class Other(Base):
    def __init__(self):
        self.f = 6

class None_:
    pass
"""


@pytest.mark.parametrize(
    ("name", "count"), [("Base", 3), ("Derived", 5), ("Silent", 3), ("Other", 1), ("None_", 0)]
)
def test_an_instance_has_room_for_what_its_constructor_always_stores(place, name, count):
    status, errors, written = place(probe=MEMBERS)
    assert (status, errors) == (0, "")
    definition = re.search(rf"rom_probe__{name}, [^;]*?\| (\d+) << 10,", written)
    assert int(definition[1]) == count


def test_builtins_a_module_uses_are_among_its_names_where_the_image_says_so(place):
    text = "def size(x):\n    return len(x) + Own.max\nclass Own:\n    max = 1\n"
    text += "def mine(x):\n    return min(x)\ndef min(x):\n    return sum\nsum = 2\n"
    assert "mp_builtin_" not in place(probe=text)[2].partition("#include")[2]
    status, errors, written = place("", "--builtins", probe=text)
    assert (status, errors) == (0, "")
    assert re.findall(r"mp_builtin_\w+", written) == ["mp_builtin_len_obj"]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """An image of a client with pre-shared keys, and of one module that has to be executed."""
    folder = tmp_path_factory.mktemp("small")
    images = folder / "images"
    shutil.copytree(paths.images_dir(), images)
    recipe = images / "cortexm" / "image.toml"
    text = recipe.read_text().replace('kernels = ["thumb"]\n', "").replace("sockets = true\n", "")
    text = re.sub(r"leave_out = \[[^]]*\]", f"leave_out = {NOT_FOR_PSK}", text)
    assert "tlscore.x509*" in text
    assert "thumb" not in text
    recipe.write_text(text.replace("'", '"').replace('name = "cortexm"', 'name = "small"'))
    makefile = images / "cortexm" / "Makefile"
    rules = makefile.read_text()
    for line in ("FAST_INTERPRETER = yes\n", "ASYNCIO = yes\n"):
        assert line in rules
        rules = rules.replace(line, "")
    makefile.write_text("LINE_NUMBERS = no\n" + rules)
    (images / "cortexm").rename(images / "small")
    with (images / "common" / "rom_executed.txt").open("a") as listed:
        listed.write("tlscore.probe\n")
    probe = folder / "probe.py"
    probe.write_text(
        "from tlscore import errors\nCOUNTS = []\ndef count():\n    COUNTS.append(1)\n"
    )
    kinds = folder / "kinds.py"
    kinds.write_text(KINDS)
    modules = {**build.frozen_modules(), "tlscore/probe.py": probe, "kinds.py": kinds}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "images_dir", lambda: images)
        patch.setattr(build, "frozen_modules", lambda kernels: dict(modules))
        return build.ensure("small")


@pytest.fixture
def board(small, tmp_path):
    facts = target.load(paths.targets_dir() / "qemu-cortexm.toml")
    made = boot.boot(replace(facts, image="small"), small, log_dir=tmp_path)
    yield made
    made.close()


def core_bytes(firmware):
    sizes = firmware.flash_by_module
    return sum(sizes[name] for name in sizes if name.partition(".")[0] == "tlscore")


def test_a_client_with_pre_shared_keys_takes_less_than_50_kb_of_flash(small):
    whole = build.ensure("cortexm")
    print(f"tlscore: {core_bytes(whole)} bytes whole, {core_bytes(small)} small")
    print(f"names: {whole.flash_by_module['(names)']}, {small.flash_by_module['(names)']}")
    assert not any("x509" in name or "server" in name for name in small.flash_by_module)
    assert core_bytes(small) <= 50 * 1024
    assert core_bytes(small) < core_bytes(whole) / 2
    assert core_bytes(whole) < sum(whole.flash_by_module.values()) < whole.flash_bytes


def test_what_is_left_out_is_not_there_and_not_offered(board):
    board.install("probe_jobs", "\n".join([
        "def suites(link):",
        "    from tlscore import suites",
        "    return suites.codes()",
        "def certificates(link):",
        "    import tlscore.x509.chain",
    ]))  # fmt: skip
    assert board.call("probe_jobs:suites", timeout_s=10) == (0x1301,)
    with pytest.raises(Exception, match=r"ImportError: tlscore\.x509\.chain"):
        board.call("probe_jobs:certificates", timeout_s=10)


def test_every_kind_of_thing_that_can_be_placed_works(board):
    board.install("probe_jobs", "def check(link):\n    import kinds\n    return kinds.check()")
    assert board.origins("kinds") == {"kinds": "rom"}
    assert board.call("probe_jobs:check", timeout_s=10) == "all of it"


def test_a_module_that_is_executed_has_its_state_in_a_package_in_flash(board):
    board.install("probe_jobs", "\n".join([
        "def count(link):",
        "    from tlscore import probe",
        "    from tlscore.probe import COUNTS, errors",
        "    import sys, tlscore",
        "    probe.count()",
        "    assert sys.modules['tlscore.probe'] is probe",
        "    assert errors is tlscore.errors",
        "    return len(COUNTS)",
    ]))  # fmt: skip
    counts = [board.call("probe_jobs:count", timeout_s=10) for _ in range(3)]
    assert counts == [1, 2, 3]
    assert board.origins("tlscore.probe", "tlscore") == {
        "tlscore.probe": "frozen",
        "tlscore": "rom",
    }


def test_a_name_in_leave_out_that_no_module_has_is_an_error(tmp_path, monkeypatch):
    images = tmp_path / "images"
    shutil.copytree(paths.images_dir(), images)
    recipe = Path(images, "cortexm", "image.toml")
    text = recipe.read_text()
    recipe.write_text(text.replace("leave_out = [", 'leave_out = ["tlscore.nowhere*",'))
    assert recipe.read_text() != text
    monkeypatch.setattr(paths, "images_dir", lambda: images)
    with pytest.raises(Exception, match=r"leave_out: there is no module 'tlscore.nowhere\*'"):
        build.ensure("cortexm")
