"""`python -m tlscore client` and `server` with --versions, against each other."""

import os
import pathlib
import subprocess
import sys

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from peer_programs import private_bytes

PEM = serialization.Encoding.PEM
TLS = pathlib.Path(__file__).parents[3]
WAIT_S = 30


def program(*arguments, **options):
    command = [sys.executable, "-m", "tlscore", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(TLS)}
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        **options,
    )


@pytest.fixture
def files(tmp_path, identity):
    """Return a function from a name to a path; chain, key and root are there."""
    found = {
        "chain": x509.load_der_x509_certificate(identity.chain[0]).public_bytes(PEM),
        "root": x509.load_der_x509_certificate(identity.root).public_bytes(PEM),
        "key": private_bytes(identity.key),
    }
    for name, content in found.items():
        (tmp_path / name).write_bytes(content)
    return lambda name: str(tmp_path / name)


@pytest.fixture
def serve(files):
    """Return a function that starts a server and returns (process, address)."""
    running = []

    def start(*options):
        listen = ("--listen", "127.0.0.1:0", "--cert", files("chain"), "--key", files("key"))
        server = program("server", *listen, *options)
        running.append(server)
        return server, server.stdout.readline().split()[-1]

    yield start
    for server in running:
        server.kill()
        server.communicate()


def connect(address, files, identity, *options):
    """Run a client that sends a word; return (exit status, what it heard, what it reports)."""
    when = ("--time", str(identity.utc_seconds), "--idle", "0.3", "--send", "-")
    where = ("--connect", address, "--ca", files("root"), "--servername", identity.name)
    client = program("client", *where, *when, *options)
    heard, report = client.communicate("hello", timeout=WAIT_S)
    return client.returncode, heard, report


def test_versions_are_negotiated_and_named(serve, files, identity):
    _, address = serve("--versions", "1.3,1.2")
    status, heard, report = connect(address, files, identity, "--versions", "1.2")
    assert (status, heard) == (0, "hello")
    assert "version: TLSv1.2" in report
    assert "suite: TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" in report
    assert "version: TLSv1.3" in connect(address, files, identity)[2]
    named = ("--versions", "1.2", "--suites", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM")
    assert "WITH_AES_128_CCM\n" in connect(address, files, identity, *named)[2]


def test_a_session_file_holds_sessions_of_tls_1_2(serve, files, identity):
    _, address = serve("--versions", "1.2", "--tickets", "1", "--time", str(identity.utc_seconds))
    options = ("--versions", "1.2", "--session-file", files("session"))
    assert "resumed" not in connect(address, files, identity, *options)[2]
    assert "resumed" in connect(address, files, identity, *options)[2]
    status, _, report = connect(address, files, identity, "--session-file", files("session"))
    assert status == 2
    assert "holds a session of TLS 1.2" in report


def test_what_has_no_version_in_common_says_so(serve, files, identity):
    _, address = serve("--versions", "1.2")
    status, _, report = connect(address, files, identity)
    assert status == 1
    assert "protocol_version" in report
    assert "--versions" in report


def test_versions_that_are_none_are_refused(files, identity):
    status, _, report = connect("127.0.0.1:1", files, identity, "--versions", "1.1")
    assert status == 2
    assert "1.1" in report
