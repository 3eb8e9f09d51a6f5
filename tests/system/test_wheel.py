"""The wheel: what is installed from it works far from any checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder]
    subprocess.run([*build, CHECKOUT], check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture
def installed(wheel, tmp_path):
    """A folder with the wheel unpacked; a wheel of pure Python is installed by unpacking it."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    return tmp_path / "site"


def run(installed, *arguments):
    code = "import sys; from hil.cli import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=installed.parent,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_lists_its_targets_from_another_folder(installed):
    listed = run(installed, "targets")
    assert listed.returncode == 0, listed.stderr
    shipped = [path.stem for path in (CHECKOUT / "targets").glob("*.toml")]
    assert shipped
    assert all(name in listed.stdout for name in shipped)


def test_it_finds_its_data_in_itself(installed):
    code = "from hil import paths; print(paths.checkout(), paths.images_dir(), sep='\\n')"
    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=installed.parent,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    assert answer[0] == "None"
    assert Path(answer[1]) == installed / "hil" / "data" / "images"
    assert (installed / "hil" / "data" / "images" / "sources.lock.toml").is_file()


def test_the_core_is_a_package_of_its_own_with_its_command(installed):
    client = subprocess.run(
        [sys.executable, "-m", "tlscore", "client", "--help"],
        cwd=installed.parent,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert client.returncode == 0, client.stderr
    assert "--connect" in client.stdout


def test_it_has_the_farms_own_cassettes(installed):
    own = CHECKOUT / "hil" / "tlsrig" / "cassettes"
    names = {path.name for path in own.iterdir()}
    assert names
    assert {path.name for path in (installed / own.relative_to(CHECKOUT)).iterdir()} == names
    code = (
        "from hil.tlsrig import cassette; [cassette.read(f) for f in cassette.shipped().iterdir()]"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=installed.parent,
        env={**os.environ, "PYTHONPATH": str(installed)},
        check=True,
    )


def test_it_holds_no_tests_and_no_firmware(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert not [name for name in names if "/tests/" in name or name.endswith((".elf", ".mpy"))]


def test_it_writes_the_page_of_a_report(installed, tmp_path):
    code = """
import sys
from pathlib import Path
from hil import report, target
run = report.Run(Path.cwd())
run.add(report.Cell("unix", None, None, "boots", verdict="pass"), target.load_all()["unix"], None)
run.write(Path(sys.argv[1]))
"""
    subprocess.run(
        [sys.executable, "-c", code, tmp_path / "report"],
        cwd=installed.parent,
        env={**os.environ, "PYTHONPATH": str(installed)},
        check=True,
    )
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    shipped = installed / "hil" / "html" / "templates"
    assert (shipped / "report.css").read_text(encoding="utf-8") in page
    assert (shipped / "report.js").read_text(encoding="utf-8") in page
