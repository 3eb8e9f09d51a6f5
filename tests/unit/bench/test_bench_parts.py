"""What the bench measures: its jobs on CPython, its readers of reports, its stacks at a desk."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from bench import (
    desk,
    desk_ours,
    desk_tlslite,
    handshakes,
    kernels,
    libraries,
    operations,
    programs,
    records,
)
from bench.desk_material import material
from bench.figures import BenchError, Figures
from hil import target

HIL_ONTARGET = Path(operations.SOURCE).parents[2] / "hil" / "ontarget"


@pytest.fixture(scope="module")
def jobs():
    """Both modules of jobs, as a board has them."""
    folders = [str(operations.SOURCE.parent), str(HIL_ONTARGET)]
    sys.path[:0] = folders
    yield {
        path.stem: importlib.import_module(path.stem)
        for path in (operations.SOURCE, records.SOURCE)
    }
    del sys.path[: len(folders)]


OPERATIONS = pytest.mark.parametrize("row", operations.OPERATIONS, ids=lambda row: row.key)


@OPERATIONS
def test_every_operation_gives_the_published_result(jobs, row):
    job = getattr(jobs["bench_operations"], row.job)
    report = job(None, None, *row.arguments())
    row.check(report)
    assert report["segments"] == 1


@pytest.mark.parametrize("row", [row for row in operations.OPERATIONS if row.job != "signing"],
                         ids=lambda row: row.key)  # fmt: skip
def test_a_wrong_result_is_an_error(jobs, row):
    *arguments, expected = row.arguments()
    module = jobs["bench_operations"]
    wrong = bytes([expected[0], *expected[1:-1], expected[-1] ^ 1])
    with pytest.raises(module.WrongResultError):
        getattr(module, row.job)(None, None, *arguments, wrong)


def test_a_wrong_signature_of_a_board_is_noticed(jobs):
    (row,) = (row for row in operations.OPERATIONS if row.job == "signing")
    report = jobs["bench_operations"].signing(None, None, *row.arguments())
    signature = report["signature"]
    with pytest.raises(Exception, match=r"^$") as caught:
        row.check({"signature": signature[:-1] + bytes([signature[-1] ^ 1])})
    assert type(caught.value).__name__ == "InvalidSignature"


@OPERATIONS
def test_an_image_without_the_module_says_so(row):
    present = {f"tlscore/crypto/{name}.py" for name in row.modules}
    assert operations.lacking(row.modules, present) is None
    assert row.modules[-1] in operations.lacking(row.modules, set())


def test_the_figures_of_records_without_a_module_say_so():
    found = records.SUITES[1].uncounted("some board", "the image leaves out it")
    assert [figure.value for figure in found] == [None] * 3
    assert {figure.reason for figure in found} == {"the image leaves out it"}


def test_where_nothing_is_counted_the_reason_is_the_targets():
    known = target.load_all()
    assert operations.uncounted(known["qemu-cortexm"]) is None
    assert "host process" in operations.uncounted(known["unix"])


class Link:
    """Brings a board what a script has for it, a few bytes at a time."""

    def __init__(self, data):
        self._data = data

    def wait(self, timeout_ms):
        return bool(self._data)

    def readinto(self, buffer):
        size = min(len(buffer), 100, len(self._data))
        buffer[:size] = self._data[:size]
        self._data = self._data[size:]
        return size


@pytest.mark.parametrize("suite", records.SUITES, ids=lambda suite: suite.key)
def test_records_go_through_a_connection_both_ways(jobs, suite):
    script = records.script(suite, 3)
    assert script == records.script(suite, 3)
    (size,) = {len(record) for record in script.records}
    assert size == records.RECORD_CONTENT_BYTES + 22
    link = Link(script.flight + b"".join(script.records))
    job = jobs["bench_records"].job
    sealing, opening, said = job(link, None, script.told, len(script.flight), size, 3)
    assert said == script.said
    assert sealing["segments"] == 6  # write and sent
    assert opening["segments"] == 3


def test_a_record_with_a_wrong_bit_is_no_figure(jobs):
    script = records.script(records.SUITES[0], 1)
    data = bytearray(script.flight + b"".join(script.records))
    data[-1] ^= 1
    size = len(script.records[0])
    with pytest.raises(Exception, match=r"bad_record_mac|record"):
        jobs["bench_records"].job(Link(bytes(data)), None, script.told, len(script.flight), size, 1)


STACKS = pytest.mark.parametrize("stack", [desk_ours, desk_tlslite], ids=lambda stack: stack.NAME)


@STACKS
@pytest.mark.parametrize(("cipher", "code"), [("aes128gcm", 0x1301), ("chacha20-poly1305", 0x1303)])
def test_both_stacks_of_the_desk_speak_the_same(stack, cipher, code):
    pair = stack.Pair(cipher, None)
    payload = bytes(range(256)) * 64
    assert pair.exchange(payload) == payload
    client = pair._client
    if stack is desk_ours:
        assert (client.version, client.suite) == (0x0304, code)
    else:
        assert (client.version, client.session.cipherSuite) == ((3, 4), code)
        assert client._recordLayer.isCBCMode() is False
        assert client.getCipherImplementation() == "python"
    assert pair.verified() == 0


@STACKS
@pytest.mark.parametrize(("variant", "signatures"), [("valid", 3), ("rsa2048", 3)])
def test_both_stacks_prove_themselves_with_the_same_certificates(stack, variant, signatures):
    pair = stack.Pair("aes128gcm", material(variant))
    assert pair.verified() == (signatures if stack is desk_ours else 1)


def test_the_desk_has_a_figure_of_both_for_each_row():
    row = next(row for row in desk.rows() if row.key == "desk.handshake.psk")
    found = {figure.subject: figure for figure in desk.run(1, lambda _: None, [row])}
    assert found.keys() == {"CPython", "tlslite-ng"}
    assert all(figure.value > 0 and figure.unit == desk.A_SECOND for figure in found.values())
    assert "pure Python" in found["tlslite-ng"].method


def test_each_kernel_has_its_ram_and_the_most_of_them_counts():
    found = {figure.key: figure.value for figure in kernels.run()}
    assert (found["kernels.p256_machine.heap"], found["kernels.ladder.heap"]) == (192, 64)
    names = {key.split(".")[1] for key in found if key.count(".") == 2}
    sums = [found[f"kernels.{name}.heap"] + found[f"kernels.{name}.stack"] for name in names]
    assert found[kernels.TOGETHER] == max(sums)


def cell(board, scenario, verdict="pass", **values):
    measurements = [
        {"name": name, "value": value, "unit": "instructions", "method": "counted", "reason": None}
        for name, value in values.items()
    ]
    reason = None if verdict == "pass" else "it is\nslow"
    return {
        "target": board,
        "scenario": scenario,
        "verdict": verdict,
        "reason": reason,
        "peer": "openssl",
        "peer_version": "3.0.1",
        "negotiated": {"signatures_verified": 3},
        "measurements": measurements,
    }


def test_handshakes_come_from_a_replays_report(monkeypatch, tmp_path):
    asked = []
    report = {
        "targets": [
            {
                "name": "qemu-mips",
                "firmware": {"micropython": "1.25.0"},
                "backends": {"aes": "portable"},
            },
            {"name": "unix", "firmware": None},
        ],
        "cells": [
            cell("qemu-mips", "tls13-x509-p256", handshake_instructions=5),
            cell("qemu-mips", "tls13-psk", "fail", handshake_instructions=7),
            cell("qemu-mips", "tls12-ecdsa-gcm", "skip"),
        ],
    }
    monkeypatch.setattr(programs, "report_of", lambda words, _: asked.extend(words) or report)
    figures = Figures()
    chosen = [target.load_all()["qemu-mips"]]
    said = handshakes.run(chosen, figures, tmp_path, quick=False, jobs="2")
    assert said == ["qemu-mips tls13-psk: fail: it is"]
    assert figures.value("qemu-mips", "tls13-psk.handshake_instructions") == 7
    assert figures.backends == {"qemu-mips": {"aes": "portable"}}
    assert figures.versions == {"MicroPython": "1.25.0"}
    assert {"--replay", "--measure=full", "--target=qemu-mips", "-n", "2"} <= set(asked)


def test_one_operation_of_a_library_is_its_share_of_a_phase(monkeypatch, tmp_path):
    signatures, exchange = (
        "phase.signature_verification.instructions",
        "phase.key_exchange.instructions",
    )
    report = {
        "cells": [
            cell("qemu-cortexm", "tls13-x509-p256", handshake_instructions=1),
            cell("qemu-cortexm-bearssl", "tls12-x509-p256", **{signatures: 33, exchange: 4}),
            cell("qemu-cortexm-mbedtls", "tls13-x509-p256", "error"),
        ],
    }
    monkeypatch.setattr(programs, "report_of", lambda *_: report)
    figures = Figures()
    assert libraries.run(figures, tmp_path, quick=True) == ["Mbed TLS: error: it is"]
    assert figures.value("BearSSL", "ecdsa_p256_verify") == 11
    assert figures.value("BearSSL", "x25519") == 2
    assert figures.versions == {"openssl": "3.0.1"}
    assert figures.value("Mbed TLS", "x25519") is None
    assert figures.find("qemu-cortexm", "tls13-x509-p256.handshake_instructions") is None


def test_a_payload_that_comes_back_changed_is_no_figure():
    row = next(row for row in desk.rows() if row.unit == desk.KB_A_SECOND)

    class Pair:
        def exchange(self, payload):
            return payload[:-1] + b"?"

    with pytest.raises(BenchError, match="came back changed"):
        row.turn(lambda cipher, made: Pair())
