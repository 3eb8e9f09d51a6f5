"""Engines in JavaScript: what their host reads in their records, and the scripts' own lines."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from hil.link import PEER_TO_BOARD
from hil.peer import Program
from hil.tlsrig import engine_npm, script_peer
from hil.tlsrig.dissect.exchange import Exchange
from hil.tlsrig.engine_peer import engine_arguments
from hil.tlsrig.peers import ClientSetup, ServerSetup
from hil.tlsrig.script_peer import ScriptPeer
from hil.tlsrig.statement import Statement

TIMEOUT_S = 10
# What such an engine does: it writes down its records and its secrets, and says little.
ENGINE = """
import os, sys
given = dict(word.split("=", 1) for word in sys.argv[1:])
open(given["wire_log"], "w").write({wire!r})
open(os.environ["SSLKEYLOGFILE"], "w").write({keys!r})
print("listening port=1", flush=True)
{connected}
print("ended reason=over", flush=True)
"""


def statement_of(trace: Any, log_dir: Path, *, connected: bool = True) -> Statement:
    """Return what a server says that has sent and received what is in the trace."""
    transcript, key_log, _ = trace
    wire = "".join(
        f"{'>' if chunk.direction == PEER_TO_BOARD else '<'} {chunk.data.hex()}\n"
        for chunk in transcript
    )
    said = 'print("connected", flush=True)' if connected else ""
    lines = ENGINE.format(wire=wire, keys=key_log, connected=said)
    program = Program(sys.executable, "1")
    setup = ServerSetup(None)
    with closing(ScriptPeer("doll", program, setup, log_dir, arguments=["-c", lines])) as peer:
        peer.start()
        assert peer.await_connected(TIMEOUT_S) == connected
        return peer.finish(TIMEOUT_S)


def expanded(secret: bytes, label: bytes, context: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    """HKDF-Expand-Label (RFC 8446 §7.1), 32 bytes."""
    info = b"\0\x20" + bytes([6 + len(label)]) + b"tls13 " + label
    info += bytes([len(context)]) + context
    return HKDFExpand(algorithm, 32, info).derive(secret)


def test_facts_of_tls13_are_read_in_its_records(traces: Mapping[str, Any], tmp_path: Path) -> None:
    said = statement_of(traces["tls13-x509"], tmp_path)
    assert said.connected
    assert said.version == "TLSv1.3"
    assert said.suite == "TLS_AES_128_GCM_SHA256"
    assert said.signature is not None
    assert said.reason == "over"
    key_log = traces["tls13-x509"].key_log
    secret = next(
        bytes.fromhex(line.split()[2])
        for line in key_log.splitlines()
        if line.startswith("EXPORTER_SECRET ")
    )
    algorithm = hashes.SHA256()
    empty = hashes.Hash(algorithm)
    nothing = empty.finalize()
    derived = expanded(secret, b"EXPORTER-hil", nothing, algorithm)
    wanted = expanded(derived, b"exporter", nothing, algorithm)
    assert said.exporter == wanted
    assert said.exporter_method == "computed from its key log"


def test_facts_of_tls12_are_read_in_its_records(traces: Mapping[str, Any], tmp_path: Path) -> None:
    said = statement_of(traces["tls12-gcm"], tmp_path)
    assert said.version == "TLSv1.2"
    assert said.suite == "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
    assert said.exporter is not None
    assert len(said.exporter) == 32


@pytest.mark.parametrize("name", ["tls12-gcm", "tls13-x509"])
def test_alerts_are_told_as_they_lie_in_the_records(
    traces: Mapping[str, Any], tmp_path: Path, name: str
) -> None:
    transcript, key_log, _ = traces[name]
    exchange = Exchange(transcript, key_log, board_is_client=True)
    found = [(alert.from_client, alert.code) for alert in script_peer.alerts(exchange)]
    said = statement_of(traces[name], tmp_path)
    assert said.close_sent == ((False, 0) in found)
    assert said.close_received == ((True, 0) in found)
    assert said.alert_sent is None


def test_a_connection_that_came_to_nothing_has_no_keying_material(
    traces: Mapping[str, Any], tmp_path: Path
) -> None:
    said = statement_of(traces["tls13-x509"], tmp_path, connected=False)
    assert (said.connected, said.exporter) == (False, None)


def test_without_its_secrets_nothing_is_exported(traces: Mapping[str, Any]) -> None:
    for name in ("tls12-gcm", "tls13-x509"):
        transcript, _, _ = traces[name]
        exchange = Exchange(transcript, "", board_is_client=True)
        assert script_peer.exporter(exchange) is None
    assert script_peer.exporter(Exchange([], "", board_is_client=True)) is None


def test_the_scripts_know_the_options_that_they_are_given() -> None:
    client = ClientSetup(("127.0.0.1", 1), Path("/root.pem"), "localhost", alpn=("echo",))
    told = {
        word.partition("=")[0]
        for setup in (client, ServerSetup(None))
        for word in engine_arguments(setup, Path("/keys"), Path("/wire"))
    }
    channel = (engine_npm.SCRIPTS / "channel.mjs").read_text("utf-8")
    scripts = channel + "".join(
        (engine_npm.SCRIPTS / f"{name}.mjs").read_text("utf-8") for name in ("bun", "deno")
    )
    used = set(re.findall(r'(?:option|number|texts|codes|file|given\.get|named)\("(\w+)"', scripts))
    used |= {"key_log", "wire_log"} & set(re.findall(r'given\.get\("(\w+)"', scripts))
    # What no script can pass on: their time is the machine's, EMS and external keys are not theirs.
    beyond = {"utc_seconds", "extended_master_secret", "exporter_label"}
    assert told - beyond <= used
