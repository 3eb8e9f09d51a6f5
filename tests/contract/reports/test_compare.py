"""`hil compare`, called as its users call it: what it finds, says, and ends with.

Longer than most: one file holds every way two reports can differ, so that none is forgotten.
"""

from __future__ import annotations

import json
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from hil import cli


@pytest.fixture
def compare(capsys, monkeypatch):
    """Compare two reports: `compare(a, b, *options)` gives (exit status, output, errors)."""
    monkeypatch.setenv("COLUMNS", "140")

    def _compare(before, after, *options: str) -> tuple[int, str, str]:
        status = cli.main(["compare", before.write(), after.write(), *options])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return _compare


def regressions(out: str) -> list[str]:
    return [line for line in out.splitlines() if line.startswith("REGRESSION ")]


# ---- the same, better, worse


@pytest.mark.parametrize("mode", ["replay", "live", None])
def test_equal_reports_are_within_tolerance(compare, report, mode):
    status, out, err = compare(report(mode), report(mode))
    assert (status, regressions(out), err) == (0, [], "")
    assert "0 regressions, 42 unchanged among 42 figures of 4 cells" in out


def test_one_percent_more_instructions_in_a_phase_are_caught_by_its_name(compare, report):
    before, after = report("live"), report("live")
    after.figure("phase.certificate.instructions")["value"] *= 1.01
    status, out, _ = compare(before, after)
    assert status == 1
    (line,) = regressions(out)
    assert line == (
        "REGRESSION qemu-cortexm openssl tls13-x509-p256: phase.certificate.instructions "
        "133,185,710 -> 134,517,567.100 instructions (+1,331,857.100, +1.00 %, noise 133,185.710)"
    )


def test_512_bytes_more_heap_are_caught(compare, report):
    before, after = report(), report()
    after.figure("heap_live_peak_bytes")["value"] += 512
    status, out, _ = compare(before, after)
    assert status == 1
    (line,) = regressions(out)
    assert "heap_live_peak_bytes 14,208 -> 14,720 bytes (+512, +3.60 %)" in line


def test_a_kilobyte_more_flash_is_caught_and_the_module_named_once(compare, report):
    before, after = report(), report()
    after.module("tlscore.client")["text_bytes"] += 1024
    for cell in after.document["cells"][:2]:
        after.figure("flash_image_bytes", cell)["value"] += 1024
    status, out, _ = compare(before, after)
    assert status == 1
    assert [line.partition(" bytes")[0] for line in regressions(out)] == [
        "REGRESSION qemu-cortexm: flash.tlscore.client 5,380 -> 6,404",
        "REGRESSION qemu-cortexm: flash_image_bytes 325,908 -> 326,932",
    ]


def test_flash_that_grew_in_one_cell_only_is_not_lost(compare, report):
    before, after = report(), report()
    after.figure("flash_image_bytes", after.document["cells"][1])["value"] += 1
    status, out, _ = compare(before, after)
    assert status == 1
    assert "tls13-psk: flash_image_bytes 325,908 -> 325,909" in out


def test_a_module_that_is_new_counts_with_all_its_bytes(compare, report):
    before, after = report(), report()
    extra = {**after.module("tlscore.record"), "name": "tlscore.extra"}
    after.document["targets"][0]["firmware"]["components"].append(extra)
    status, out, _ = compare(before, after)
    assert status == 1
    assert "flash.tlscore.extra 0 -> 3,653 bytes (+3,653, new)" in out


@pytest.mark.parametrize(
    ("mode", "share", "status"),
    [("replay", 1e-8, 1), ("live", 0.0009, 0), ("live", 0.0011, 1), ("live", -0.5, 0)],
)
def test_the_method_decides_what_is_noise(compare, report, mode, share, status):
    before, after = report(mode), report(mode)
    figure = after.figure("handshake_instructions")
    figure["value"] += max(1, round(figure["value"] * share)) if share > 0 else -100_000_000
    assert compare(before, after)[0] == status


@pytest.mark.parametrize(("grown", "status"), [(90, 0), (200, 1)])
def test_on_silicon_the_deviations_of_the_medians_decide(compare, report, grown, status):
    before, after = report("live"), report("live")
    for one in (before, after):
        row = one.figure("phase.client_hello.instructions")
        row.update(name="handshake_cpu_us", unit="us", method="silicon, median of n")
        row.update(value=20_000, n=9, mad=50)
    after.figure("handshake_cpu_us")["value"] += grown  # allowed: 3 * 1.2533 * 1.4826 * 23.6 = 131
    assert compare(before, after)[0] == status


def test_too_few_values_on_silicon_are_not_judged_and_it_is_said(compare, report):
    before, after = report("live"), report("live")
    for one in (before, after):
        one.figure("stack_peak_bytes").update(method="silicon, painted stack", n=2, mad=1)
    after.figure("stack_peak_bytes")["value"] += 999
    status, out, _ = compare(before, after)
    assert status == 0
    assert "1 measured too seldom to judge" in out


def test_an_improvement_is_shown_and_is_no_failure(compare, report):
    before, after = report(), report()
    after.figure("stack_peak_bytes")["value"] -= 100
    status, out, _ = compare(before, after)
    assert status == 0
    assert "-100" in out
    assert "1 improved" in out


def test_time_spent_waiting_and_what_the_wire_carried_are_no_costs(compare, report):
    before, after = report(), report()
    after.figure("handshake_wall_ms")["value"] *= 3
    after.figure("bytes_sent")["value"] += 3
    status, out, _ = compare(before, after)
    assert status == 0
    assert "handshake_wall_ms" not in out
    assert "handshake_wall_ms" in compare(before, after, "--all")[1]
    assert compare(before, after, "--fail-on", "bytes_sent:2")[0] == 1


# ---- what counts


@pytest.mark.parametrize(
    ("fail_on", "status"),
    [
        (["any"], 1),
        (["none"], 0),
        (["flash"], 0),
        (["heap"], 1),
        (["heap:511"], 1),
        (["heap:512"], 0),
        (["heap:3%"], 1),
        (["heap:4%"], 0),
        (["any,heap:512"], 0),
        (["any", "heap:512"], 0),
        (["heap:512,any"], 1),
        (["heap_*:512,instructions:0.5%"], 0),
        (["live"], 1),
    ],
)
def test_fail_on_says_what_counts(compare, report, fail_on, status):
    before, after = report(), report()
    after.figure("heap_live_peak_bytes")["value"] += 512
    options = [word for item in fail_on for word in ("--fail-on", item)]
    assert compare(before, after, *options)[0] == status


@pytest.mark.parametrize(
    ("fail_on", "message"),
    [
        ("handshake_instructionz", "no figure 'handshake_instructionz' in common; did you mean"),
        ("heap:lots", "'heap:lots': the tolerance is a number (256) or a percentage (0.5%)"),
        ("heap:-1", "the tolerance is a number"),
        ("live:5", "live takes no tolerance"),
    ],
)
def test_a_gate_that_nothing_goes_through_is_no_gate(compare, report, fail_on, message):
    status, out, err = compare(report(), report(), "--fail-on", fail_on)
    assert (status, out) == (2, "")
    assert message in err


def test_live_runs_that_differ_say_how_to_gate(compare, report):
    before, after = report("live"), report("live")
    after.figure("heap_live_peak_bytes")["value"] += 48
    status, out, _ = compare(before, after)
    assert status == 1
    assert "--fail-on=live" in out
    assert compare(before, after, "--fail-on=live")[0] == 0


# ---- verdicts and cells


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        ("pass", "fail", 1),
        ("pass", "hang", 1),
        ("flaky", "error", 1),
        ("pass", "skip", 0),
        ("pass", "flaky", 0),
        ("fail", "pass", 0),
        ("fail", "hang", 0),
        ("skip", "fail", 0),
    ],
)
def test_a_changed_verdict_is_named_and_one_from_pass_to_fail_counts(
    compare, report, before, after, status
):
    reports = report(), report()
    for one, verdict in zip(reports, (before, after), strict=True):
        one.first.update(verdict=verdict, reason=None if verdict == "pass" else "because\nof it")
    found, out, _ = compare(*reports)
    assert found == status
    assert f"qemu-cortexm openssl tls13-x509-p256: {before} -> {after}" in out
    assert compare(*reports, "--fail-on=none")[0] == 0


def test_cells_of_one_report_only_are_named_and_count_when_asked(compare, report):
    before, after = report(), report()
    lost = before.document["cells"].pop(0)
    lost = after.document["cells"].pop(1)
    status, out, _ = compare(before, after)
    assert status == 0
    assert f"{lost['target']} openssl {lost['scenario']}: only in run0 (pass)" in out
    assert "qemu-cortexm openssl tls13-x509-p256: only in run1 (pass)" in out
    assert compare(before, after, "--fail-on", "cells")[0] == 1


def test_the_second_of_two_equal_cells_is_compared_with_the_second(compare, report):
    before, after = report(), report()
    for one in (before, after):
        one.document["cells"].append(json.loads(json.dumps(one.first)))
    after.figure("heap_live_peak_bytes", after.document["cells"][-1])["value"] += 1
    status, out, _ = compare(before, after)
    assert status == 1
    assert "tls13-x509-p256 (2): heap_live_peak_bytes" in out


def test_what_else_differs_is_named(compare, report):
    before, after = report(), report()
    firmware = after.document["targets"][0]["firmware"]
    firmware.update(image_sha256="cd" * 32, micropython="1.26.0")
    after.document["targets"][1]["ram_bytes"] = 65536
    before.document["targets"][0]["backends"] = {"aes": "thumb", "rsa": "thumb"}
    after.document["targets"][0]["backends"] = {"aes": "thumb", "rsa": "portable"}
    after.first["peer_version"] = "3.5.0"
    after.run["versions"]["python"] = "3.13.0"
    after.run["interrupted"] = True
    after.figure("stack_peak_bytes")["method"] = "painted stack, otherwise"
    after.first["measurements"].append({**after.figure("bytes_sent"), "name": "records_sent"})
    status, out, _ = compare(before, after)
    assert status == 0
    for line in (
        "qemu-cortexm: firmware is cdcdcdcdcdcd, was abababababab",
        "qemu-cortexm: micropython is 1.26.0, was 1.25.0",
        "qemu-cortexm: rsa is computed by the back end portable, was by thumb",
        "qemu-mips: ram_bytes is 65536, was 4194304",
        "openssl: peer is 3.5.0, was 3.0.17",
        "python is 3.13.0, was 3.11.2",
        "run run1 was interrupted",
        "qemu-cortexm: stack_peak_bytes: measured by 'painted stack, otherwise', was by",
        "qemu-cortexm openssl tls13-x509-p256: records_sent: only in run1",
    ):
        assert f"differs: {line}" in out


def test_a_figure_that_is_no_longer_measured_counts_like_one_that_got_worse(compare, report):
    before, after = report(), report()
    after.figure("stack_peak_bytes").update(value=None, reason="the paint is gone")
    status, out, _ = compare(before, after)
    assert status == 1
    assert "stack_peak_bytes: was 5,676, now not measured: the paint is gone" in out
    assert compare(before, after, "--fail-on=heap")[0] == 0


def test_firmware_without_components_is_named_and_its_flash_compared_as_a_whole(compare, report):
    before, after = report(), report()
    del before.document["targets"][0]["firmware"]["components"]
    status, out, _ = compare(before, after)
    assert status == 0
    assert "qemu-cortexm: run0 does not say what its firmware consists of" in out


# ---- not to be compared


def test_a_replay_is_not_compared_with_a_live_run(compare, report):
    status, out, err = compare(report("live"), report("replay"))
    assert (status, out) == (2, "")
    assert "run0 is a live run and run1 a replay run" in err


def test_an_old_report_without_a_mode_is_a_live_run(compare, report):
    assert compare(report(None), report("live"))[0] == 0


def test_reports_without_a_common_cell_cannot_be_compared(compare, report):
    before, after = report(), report()
    for cell in after.document["cells"]:
        cell["peer"] = "gnutls"
    status, _, err = compare(before, after)
    assert status == 2
    assert "no cell in common: qemu-cortexm openssl tls13-x509-p256" in err


def test_another_schema_is_named(report, capsys):
    after = report()
    after.document["schema"] = "hil-report/2"
    assert cli.main(["compare", report().write(), after.write(check=False)]) == 2
    assert "schema 'hil-report/2'; this version reads 'hil-report/1'" in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, "{", "[]", '{"schema": "hil-report/1"}'])
def test_a_report_that_cannot_be_read_is_exit_status_2(report, tmp_path, capsys, content):
    path = tmp_path / "odd.json"
    if content is not None:
        path.write_text(content)
    assert cli.main(["compare", report().write(), str(path)]) == 2
    assert f"hil compare: {path}: " in capsys.readouterr().err


def test_a_folder_of_reports_is_no_report_but_its_newest_is_named(report, tmp_path, capsys):
    written = report().write()
    report().write()
    assert cli.main(["compare", written, str(tmp_path / "reports")]) == 2
    error = capsys.readouterr().err
    assert "no report.json in this folder; it has folders with one: run0, run1" in error


# ---- forms


def test_json_has_every_figure_for_programs(compare, report):
    before, after = report(), report()
    after.figure("heap_live_peak_bytes")["value"] += 512
    status, out, _ = compare(before, after, "--format", "json")
    found = json.loads(out)
    assert (status, found["outcome"], found["schema"]) == (1, "regression", "hil-comparison/1")
    assert len(found["changes"]) == 42
    (worse,) = [change for change in found["changes"] if change["judgement"] == "regression"]
    assert (worse["target"], worse["name"], worse["change"]) == (
        "qemu-cortexm",
        "heap_live_peak_bytes",
        512,
    )


def test_markdown_is_a_table_that_nothing_in_a_report_breaks(compare, report):
    before, after = report(), report()
    after.figure("heap_live_peak_bytes")["value"] += 512
    after.document["cells"][2].update(verdict="fail", reason="| <b>odd</b> |")
    out = compare(before, after, "--format", "markdown")[1]
    (row,) = [line for line in out.splitlines() if line.startswith("| qemu-cortexm")]
    assert row.count(" | ") == 6
    assert "\\| \\<b\\>odd" in out


def test_the_page_is_whole_html_without_anything_beside_it(compare, report, tmp_path):
    before, after = report(), report()
    after.figure("heap_live_peak_bytes")["value"] += 512
    after.first.update(verdict="fail", reason="<script>alert(1)</script>")
    path = tmp_path / "page.html"
    status, out, _ = compare(before, after, "--format", "html", "-o", str(path))
    assert status == 1
    assert out.startswith(f"{path}: 2 regressions")
    page = path.read_text(encoding="utf-8")
    opened, needed = [], []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            if tag not in ("meta", "input"):
                opened.append(tag)
            needed.extend(value for name, value in attributes if name in ("src", "href"))

        def handle_endtag(self, tag):
            assert opened.pop() == tag

    Reader().feed(page)
    assert (opened, needed) == ([], [])
    assert "&lt;script&gt;" in page
    assert "+512" in page


def test_a_page_that_cannot_be_written_is_exit_status_2(compare, report, tmp_path):
    status, _, err = compare(report(), report(), "--format=html", f"-o{tmp_path}/no/page.html")
    assert status == 2
    assert "page.html: No such file" in err


def test_the_command_itself_ends_with_the_status(report):
    before, after = report(), report()
    after.figure("phase.certificate.instructions")["value"] += 1
    command = [sys.executable, "-m", "hil.cli", "compare", before.write(), after.write()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert "133,185,710 -> 133,185,711 instructions (+1, +0.000001 %)" in done.stdout


def test_a_reader_that_stops_reading_does_not_change_the_status(report):
    before, after = report(), report()
    after.figure("heap_live_peak_bytes")["value"] += 1
    hil = f"{sys.executable} -m hil.cli compare {before.write()} {after.write()} --format=json"
    command = f"{hil} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
