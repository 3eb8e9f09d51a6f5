"""Keys and sessions on the command line, against a real `openssl s_server` and `s_client`."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest
import test_main

from tlscore import session
from tlscore.__main__ import EXIT_TLS, main
from tlscore.command_line import EXIT_USAGE

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="needs the openssl program: apt install openssl"
)
WAIT_S = 20
KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
OTHER = KEY[::-1]
NAMED = ("--psk-identity", "board-7", "--psk", KEY)


class Desk(test_main.Desk):
    """Files for both ends, and openssl servers that end with the test."""

    def __init__(self, directory, identity):
        super().__init__(directory, identity)
        self.session = str(directory / "session")

    def openssl_server(self, *options):
        """Start s_server, without a certificate, and return its HOST:PORT."""
        arguments = ["s_server", "-accept", "127.0.0.1:0", "-rev", *options]
        server = pexpect.spawn("openssl", arguments, timeout=WAIT_S, echo=False)
        self.servers.append(server)
        server.expect(rb"ACCEPT \S*:(\d+)")
        return "127.0.0.1:" + server.match.group(1).decode()

    def certified(self, *options):
        """Start s_server with its certificate and return its HOST:PORT."""
        return self.serve("-rev", *options)[0]

    def client(self, address, *options):
        """Run our client, without trust anchors, and return its exit status."""
        return main(
            [
                *("client", "--connect", address, "--servername", self.identity.name),
                *("--time", str(self.identity.utc_seconds), "--send", self.close, *options),
            ]
        )


@pytest.fixture
def desk(tmp_path, identity):
    desk = Desk(tmp_path, identity)
    yield desk
    for server in desk.servers:
        server.close(force=True)


# --- the client with an external key


@pytest.mark.parametrize(
    ("served", "asked", "group"),
    [
        ((), (), "x25519"),
        (("-groups", "P-256"), (), "secp256r1"),  # by HelloRetryRequest: a second binder
        (("-allow_no_dhe_kex",), ("--psk-mode", "plain"), "none"),
        (("-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"), (), "x25519"),
        (("-stateless",), (), "x25519"),  # HelloRetryRequest with a cookie
    ],
)
def test_openssl_takes_our_key(desk, capsys, served, asked, group):
    address = desk.openssl_server("-nocert", "-psk", KEY, "-psk_identity", "board-7", *served)
    assert desk.client(address, *NAMED, *asked) == 0
    lines = capsys.readouterr().err.splitlines()
    assert "pre-shared key: board-7" in lines
    assert "group: " + group in lines


def test_a_server_without_the_key_shows_its_certificate(desk, capsys):
    address = desk.certified()
    assert desk.client(address, *NAMED, "--ca", desk.ca) == 0
    assert "signature: ecdsa_secp256r1_sha256 (2 signatures" in capsys.readouterr().err


def test_a_server_with_another_key_of_that_name_refuses_ours(desk, capsys):
    address = desk.certified("-psk", OTHER, "-psk_identity", "board-7")
    assert desk.client(address, *NAMED, "--ca", desk.ca) == EXIT_TLS
    # RFC 8446 §4.2.11: a binder that does not validate ends the handshake.
    assert "failed: alert_received." in capsys.readouterr().err


@pytest.mark.parametrize("psk", [(), ("-psk", OTHER)])
def test_a_server_without_the_key_is_of_no_use_to_a_client_without_ca(desk, capsys, psk):
    address = desk.certified(*psk)
    assert desk.client(address, *NAMED) == EXIT_TLS
    assert "failed: alert_received." in capsys.readouterr().err


# --- the client's sessions


@pytest.mark.parametrize("suite", ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"])
def test_a_session_is_kept_and_resumed_by_openssl(desk, capsys, suite):
    address = desk.certified("-ciphersuites", suite)
    options = ("--ca", desk.ca, "--session-file", desk.session)
    assert desk.client(address, *options) == 0
    assert "signature: " in capsys.readouterr().err
    assert stat.S_IMODE(os.stat(desk.session).st_mode) == 0o600
    first = Path(desk.session).read_bytes()
    for _ in range(2):
        assert desk.client(address, *options) == 0
        assert "resumed: " in capsys.readouterr().err
    assert Path(desk.session).read_bytes() != first, "the newest session is kept"
    # It needs no certificates any more.
    assert desk.client(address, "--session-file", desk.session) == 0
    assert "resumed: " in capsys.readouterr().err


def test_a_session_that_is_over_is_no_harm(desk, capsys):
    address = desk.certified()
    options = ("--ca", desk.ca, "--session-file", desk.session)
    assert desk.client(address, *options) == 0
    hours_later = str(desk.identity.utc_seconds + 3 * 3600)
    assert desk.client(address, *options, "--time", hours_later) == 0
    assert "resumed: " not in capsys.readouterr().err


def test_another_server_does_not_know_the_session(desk, capsys):
    options = ("--ca", desk.ca, "--session-file", desk.session)
    assert desk.client(desk.certified(), *options) == 0
    assert desk.client(desk.certified(), *options) == 0
    assert "resumed: " not in capsys.readouterr().err


# --- what cannot be


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "--ca, --pin or --psk: something has to prove who the server is"),
        (("--psk", KEY), "--psk-identity and --psk belong together"),
        (("--psk-identity", "x"), "--psk-identity and --psk belong together"),
        (("--psk-identity", "x", "--psk", KEY[:30]), "config.psk_key"),
        (("--psk-identity", "", "--psk", KEY), "config.psk_identity"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_sent(desk, capsys, options, said):
    assert desk.client("127.0.0.1:9", *options) == EXIT_USAGE
    assert said in capsys.readouterr().err


def test_a_key_that_is_none_is_not_repeated(desk, capsys):
    with pytest.raises(SystemExit) as caught:
        desk.client("127.0.0.1:9", "--psk-identity", "x", "--psk", "s3cret")
    assert caught.value.code == EXIT_USAGE
    said = capsys.readouterr().err
    assert "hexadecimal" in said
    assert "s3cret" not in said


def test_a_malformed_session_file_is_named_and_kept(desk, capsys):
    desk.write("session", b"no session")
    assert desk.client("127.0.0.1:9", "--ca", desk.ca, "--session-file", desk.session) == EXIT_USAGE
    said = capsys.readouterr().err
    assert said == desk.session + ": holds no session (session.version); remove it to begin anew\n"
    assert Path(desk.session).read_bytes() == b"no session"


def test_a_session_with_another_server_is_not_offered(desk, capsys):
    kept = session.Session(b"t", bytes(32), 10, 0, 0, 0, "other.example", None)
    desk.write("session", kept.to_bytes())
    assert desk.client("127.0.0.1:9", "--ca", desk.ca, "--session-file", desk.session) == EXIT_USAGE
    assert "holds a session with 'other.example'" in capsys.readouterr().err


def test_a_session_that_is_over_is_not_enough_without_ca(desk, capsys):
    utc = desk.identity.utc_seconds
    kept = session.Session(b"t", bytes(32), 10, 0, utc - 10, utc, desk.identity.name, None)
    desk.write("session", kept.to_bytes())
    assert desk.client("127.0.0.1:9", "--session-file", desk.session) == EXIT_USAGE
    assert capsys.readouterr().err == "cannot connect like this: session.expired\n"


def test_a_session_that_cannot_be_stored_is_said(desk, capsys):
    missing = str(desk.directory / "missing" / "session")
    address = desk.certified()
    assert desk.client(address, "--ca", desk.ca, "--session-file", missing) == EXIT_USAGE
    assert capsys.readouterr().err.endswith(missing + ": No such file or directory\n")


# --- the server


@pytest.fixture
def serving(desk):
    """Return a function that starts our server and returns its port and its process."""
    servers = []

    def serve(*options):
        command = [sys.executable, "-m", "tlscore", "server", "--listen", "127.0.0.1:0", *options]
        pipe = subprocess.PIPE
        server = subprocess.Popen(command, stdout=pipe, stderr=pipe)
        servers.append(server)
        line = server.stdout.readline().decode()
        assert line.startswith("listening on 127.0.0.1:"), server.stderr.read()
        return line.strip().rpartition(":")[2], server

    yield serve
    for server in servers:
        server.kill()
        server.communicate()


def s_client(port, *options):
    """Have openssl fetch a page; return the finished process."""
    command = ["openssl", "s_client", "-connect", "127.0.0.1:" + port, "-tls1_3", "-ign_eof"]
    request = b"GET / HTTP/1.0\r\n\r\n"
    return subprocess.run(
        [*command, *options], input=request, capture_output=True, timeout=WAIT_S, check=False
    )


OPENSSL_KEY = ("-psk", KEY, "-psk_identity", "board-7")


@pytest.mark.parametrize(
    ("served", "asked", "said"),
    [
        ((), (), "x25519, psk, alpn none, client board-7"),
        (("--groups", "secp256r1"), (), "secp256r1, psk"),  # by HelloRetryRequest
        (("--groups", "secp256r1", "--cookie"), (), "secp256r1, psk"),
        (("--psk-mode", "plain"), ("-allow_no_dhe_kex",), "none, psk"),
        (("--suites", "TLS_CHACHA20_POLY1305_SHA256"), (), "x25519, psk"),
    ],
)
def test_openssl_connects_by_a_key(serving, served, asked, said):
    port, server = serving(*NAMED, "--http", "--count", "1", *served)
    client = s_client(port, *OPENSSL_KEY, *asked)
    assert b"hello from tlscore" in client.stdout, client.stderr
    told = server.communicate(timeout=WAIT_S)[1].decode()
    assert (server.returncode, said in told) == (0, True), told


@pytest.mark.parametrize("asked", [("-psk", OTHER, "-psk_identity", "board-7"), ("-psk", KEY)])
def test_openssl_with_another_key_or_name_is_refused_alike(serving, asked):
    port, server = serving(*NAMED, "--count", "1")
    client = s_client(port, *asked)
    assert b"alert decrypt error" in client.stderr
    assert server.wait(WAIT_S) == EXIT_TLS


def test_openssl_falls_back_to_our_certificate(desk, serving):
    files = ("--cert", desk.certificate, "--key", desk.key)
    port, server = serving(*NAMED, *files, "--http", "--count", "1")
    assert b"hello from tlscore" in s_client(port, "-psk", KEY).stdout
    told = server.communicate(timeout=WAIT_S)[1].decode()
    assert "ecdsa_secp256r1_sha256" in told


@pytest.mark.parametrize("suite", ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"])
def test_openssl_resumes_our_sessions(desk, serving, suite):
    files = ("--cert", desk.certificate, "--key", desk.key, "--suites", suite)
    port, server = serving(*files, "--http", "--tickets", "2", "--count", "3")
    kept = str(desk.directory / "openssl.session")
    client = s_client(port, "-sess_out", kept)
    assert b"New, TLSv1.3" in client.stdout
    for _ in range(2):
        client = s_client(port, "-sess_in", kept, "-sess_out", kept)
        assert b"Reused, TLSv1.3" in client.stdout
        assert b"hello from tlscore" in client.stdout
    told = server.communicate(timeout=WAIT_S)[1].decode()
    assert told.count(", resumed, ") == 2


def test_our_client_resumes_with_our_server(desk, serving, capsys):
    files = ("--cert", desk.certificate, "--key", desk.key)
    utc = str(desk.identity.utc_seconds)
    port, server = serving(*files, "--tickets", "1", "--count", "3", "--time", utc)
    options = ("--ca", desk.ca, "--session-file", desk.session, "--idle", "0.3")
    said = []
    for _ in range(3):
        assert desk.client("127.0.0.1:" + port, *options) == 0
        said.append("resumed: " in capsys.readouterr().err)
    assert said == [False, True, True]
    assert server.communicate(timeout=WAIT_S)[1].decode().count(", resumed, ") == 2


@pytest.mark.skipif(
    shutil.which("gnutls-cli") is None, reason="needs gnutls-cli: apt install gnutls-bin"
)
def test_gnutls_connects_by_a_key_and_resumes(serving):
    port, server = serving(*NAMED, "--tickets", "1", "--count", "2")
    priority = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+ECDHE-PSK"
    command = ["gnutls-cli", "--port", port, "--pskusername", "board-7", "--pskkey", KEY]
    command += ["--no-ca-verification", "--priority", priority, "--resume", "127.0.0.1"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT) as client:
        client.stdin.write(b"echo this\n")
        client.stdin.flush()
        said = []
        while (line := client.stdout.readline()) not in (b"echo this\n", b""):
            said.append(line)
        client.stdin.close()
    assert b"- PSK authentication. Connected as 'board-7'\n" in said
    assert b"*** This is a resumed session\n" in said
    told = server.communicate(timeout=WAIT_S)[1].decode()
    assert "1: TLSv1.3, TLS_AES_128_GCM_SHA256, x25519, psk, alpn none, client board-7" in told
    assert "2: TLSv1.3, TLS_AES_128_GCM_SHA256, x25519, resumed, alpn none, client board-7" in told


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "--cert or --psk: something has to prove who we are"),
        (("--tickets", "2"), "--cert or --psk: something has to prove who we are"),
        (("--key", "x"), "--cert and --key belong together"),
        (("--psk", KEY), "--psk-identity and --psk belong together"),
        ((*NAMED, "--raw-public-key"), "--raw-public-key needs --cert and --key"),
        (("--psk-identity", "x", "--psk", KEY[:30]), "config.psk_key"),
        ((*NAMED, "--tickets", "256"), "tickets.count"),
        ((*NAMED, "--tickets", "-1"), "tickets.count"),
    ],
)
def test_a_server_that_cannot_work_is_not_started(capsys, options, said):
    assert main(["server", "--listen", "127.0.0.1:0", *options]) == EXIT_USAGE
    assert said in capsys.readouterr().err
