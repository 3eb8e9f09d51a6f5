"""A short run of every fuzz target, from its corpus and with a fixed seed.

With atheris where it is installed, which `./farm` does wherever it has wheels; without it the same
targets are driven by random changes (drive.py), and the report says so.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DRIVE = [sys.executable, str(HERE / "drive.py")]
TARGETS = sorted(path.stem for path in (HERE / "corpus").iterdir())
# What is long for one that stops by itself after half a minute, on a machine that is slow.
TIMEOUT_S = 300


@pytest.fixture(scope="module")
def short_run():
    """What a short run of all targets said."""
    done = subprocess.run(DRIVE, check=False, capture_output=True, text=True, timeout=TIMEOUT_S)
    driver = re.match(r"driver: .*", done.stdout)
    assert driver, done.stderr[-2000:]
    print("\n" + done.stdout)
    return done


def test_every_target_has_a_corpus():
    listed = subprocess.run([*DRIVE, "--list"], capture_output=True, text=True, check=True)
    assert sorted(listed.stdout.split()) == TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_is_found(short_run, target):
    line = re.search(rf"^{target}: (\d+) inputs, .* s, (.*)$", short_run.stdout, re.MULTILINE)
    assert line, short_run.stderr[-2000:]
    assert line[2] == "nothing found", short_run.stdout + short_run.stderr[-4000:]
    assert int(line[1]) >= 100


def test_without_atheris_every_target_is_driven_all_the_same():
    plain = [*DRIVE, "--driver", "plain", "--runs", "25"]
    done = subprocess.run(plain, capture_output=True, text=True, check=True, timeout=TIMEOUT_S)
    assert done.stdout.startswith("driver: plain")
    assert done.stdout.count(": 25 inputs, ") == len(TARGETS)


def test_a_find_is_reported(tmp_path):
    """The run above can fail: a target that breaks its promise is found and told."""
    broken = tmp_path / "broken.py"
    broken.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(HERE)!r})\n"
        "import drive, wire_targets\n"
        "def fuzz(data):\n"
        "    assert b'\\xff\\xff' not in data\n"
        "wire_targets.TARGETS = {'trust_store': (fuzz, 5000)}\n"
        "sys.argv[1:] = ['--driver', 'plain']\n"
        "sys.exit(drive.main())\n"
    )
    command = [sys.executable, str(broken)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert re.search(r"found by trust_store with [0-9a-f]*ffff", done.stdout)
    assert "FOUND SOMETHING" in done.stdout
