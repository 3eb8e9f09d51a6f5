"""Baselines: the C libraries do what our board does, are judged as it is, and measured alike.

Skips where a library's source is neither in the cache nor to be had: nothing else needs it.
"""

import subprocess
from dataclasses import replace

import pytest

from hil import build, sources, target
from hil.tlsrig import baselines
from hil.tlsrig.baselines.table import Entry

ALL = {baseline.name: baseline for baseline in baselines.all_baselines()}
# From the measurements in docs/baselines.md: a library that did less would not have verified all.
MILLIONS = {"bearssl": (30, 60), "mbedtls": (70, 140)}


@pytest.fixture(params=sorted(ALL))
def baseline(request):
    return ALL[request.param]


def built(image):
    """Return the firmware; only a library's source that nobody offers any more is an excuse."""
    try:
        return build.ensure(image)
    except sources.SourceUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def firmware(baseline):
    return built(baseline.image)


@pytest.fixture
def board():
    return target.load_all()[baselines.TARGET]


def values(cell) -> dict[str, float | None]:
    return {figure.name: figure.value for figure in cell.measurements}


def test_a_library_passes_the_scenario_and_has_every_figure(baseline, firmware, board, tmp_path):
    cell = baselines.run(
        baseline, "openssl", board, firmware, log_dir=tmp_path, smallest_heap=False
    )
    assert (cell.verdict, cell.reason) == ("pass", None)
    assert cell.negotiated["signatures_verified"] == 3
    found = values(cell)
    low, high = MILLIONS[baseline.name]
    assert low * 1e6 < found["handshake_instructions"] < high * 1e6
    phases = [value for name, value in found.items() if name.startswith("phase.")]
    assert sum(phases) == found["handshake_instructions"]
    assert 1000 < found["stack_peak_bytes"] < 8000
    assert found["ram_static_bytes"] == firmware.ram_static_bytes
    if baseline.arena_bytes:
        assert 8000 < found["heap_live_peak_bytes"] < 30_000
    else:
        assert found["heap_live_peak_bytes"] == 0
        assert found["ram_static_bytes"] > 4421 + 3048 + 3408
    entry = Entry(baseline.library, cell, firmware, baseline.name)
    assert 30_000 < entry.library_flash_bytes < firmware.flash_bytes
    assert {"capture", "oracle", "key_log"} <= cell.artefacts.keys()


def test_a_peer_that_cannot_tell_of_tls_1_2_is_no_peer_for_it(board, tmp_path):
    firmware = built("ref-bearssl")
    cell = baselines.run(ALL["bearssl"], "gnutls", board, firmware, log_dir=tmp_path)
    assert cell.verdict == "skip"
    assert "use --peer=openssl" in cell.reason


def test_what_takes_constant_time_takes_the_same_instructions_each_time(board, tmp_path):
    firmware = built("ref-bearssl")
    found = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        cell = baselines.run(
            ALL["bearssl"], "openssl", board, firmware, log_dir=folder, smallest_heap=False
        )
        found.append(values(cell)["phase.key_exchange.instructions"])
    assert found[0] == found[1] > 3e6


def test_the_components_of_a_library_add_up_to_its_sections(firmware):
    told = subprocess.check_output(["size", "-B", str(firmware.path)], text=True)
    text, data, bss = map(int, told.splitlines()[1].split()[:3])
    assert sum(part.text_bytes for part in firmware.components) == text
    assert sum(part.data_bytes for part in firmware.components) == data
    assert sum(part.bss_bytes for part in firmware.components) == bss


@pytest.mark.parametrize("certificates", ["untrusted-ca", "wrong-name", "bad-signature"])
def test_a_library_refuses_bad_certificates(baseline, firmware, board, certificates, tmp_path):
    scenario = baseline.scenario
    spoiled = replace(scenario, peer=replace(scenario.peer, certificates=certificates))
    cell = baselines.run(
        replace(baseline, scenario=spoiled),
        "openssl",
        board,
        firmware,
        log_dir=tmp_path,
        smallest_heap=False,
    )
    assert cell.verdict == "fail"
    assert "board connected: library.error_" in cell.reason
    assert cell.measurements == []


def test_an_arena_that_is_too_small_is_no_pass(board, tmp_path):
    firmware = built("ref-mbedtls")
    starved = replace(ALL["mbedtls"], arena_bytes=8192)
    cell = baselines.run(starved, "openssl", board, firmware, log_dir=tmp_path, smallest_heap=False)
    assert cell.verdict == "fail"


def test_parameters_that_do_not_fit_are_refused_before_anything_starts(
    baseline, firmware, board, tmp_path
):
    scenario = baseline.scenario
    long_name = replace(scenario.board, server_name="a" * 64)
    cell = baselines.run(
        replace(baseline, scenario=replace(scenario, board=long_name)),
        "openssl",
        board,
        firmware,
        log_dir=tmp_path,
        smallest_heap=False,
    )
    assert cell.verdict == "error"
    assert "63 bytes of server name" in cell.reason
    assert not (tmp_path / "console.log").exists()
