"""The command line against a real `openssl s_server` on the loopback interface, port 0."""

import shutil
import socket
import subprocess
import sys

import pexpect
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tlscore.__main__ import EXIT_NETWORK, EXIT_TLS, main
from tlscore.command_line import EXIT_USAGE

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="needs the openssl program: apt install openssl"
)
PEM = serialization.Encoding.PEM
WAIT_S = 20
# Since OpenSSL 3.2 a tag of 64 bits needs security level 0 in TLS 1.3 too; -cipher sets that level.
CCM_8 = ("-ciphersuites", "TLS_AES_128_CCM_8_SHA256", "-cipher", "DEFAULT:@SECLEVEL=0")


class Desk:
    """Files for both ends, and servers that end with the test."""

    def __init__(self, directory, identity):
        self.directory = directory
        self.identity = identity
        self.ca = self.write("ca.pem", pem(identity.root))
        self.certificate = self.write("server.pem", pem(identity.chain[0]))
        private_key = identity.key.private_bytes(
            PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.key = self.write("server.key", private_key)
        # s_server -rev ends the connection with close_notify when it is sent this line.
        self.close = self.write("close", b"CLOSE\n")
        self.servers = []

    def write(self, name, content):
        path = self.directory / name
        path.write_bytes(content)
        return str(path)

    def serve(self, *options):
        """Start s_server and return (HOST:PORT, its pexpect handle)."""
        arguments = ["s_server", "-accept", "127.0.0.1:0", "-cert", self.certificate]
        arguments += ["-key", self.key, *options]
        server = pexpect.spawn("openssl", arguments, timeout=WAIT_S, echo=False)
        self.servers.append(server)
        server.expect(rb"ACCEPT \S*:(\d+)")
        return "127.0.0.1:" + server.match.group(1).decode(), server

    def arguments(self, address, *options):
        return [
            *("client", "--connect", address, "--ca", self.ca),
            *("--servername", self.identity.name, "--time", str(self.identity.utc_seconds)),
            *("--send", self.close, *options),
        ]

    def client(self, address, *options):
        return main(self.arguments(address, *options))


def pem(der):
    return x509.load_der_x509_certificate(der).public_bytes(PEM)


@pytest.fixture
def desk(tmp_path, identity):
    desk = Desk(tmp_path, identity)
    yield desk
    for server in desk.servers:
        server.close(force=True)


def test_the_program_connects_sends_prints_and_closes(desk):
    address, server = desk.serve("-rev")
    hello = desk.write("hello", b"hello\nboard\nCLOSE\n")
    command = [sys.executable, "-m", "tlscore", *desk.arguments(address, "--send", hello)]
    done = subprocess.run(command, capture_output=True, timeout=WAIT_S, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"olleh\ndraob\n"
    assert done.stderr.decode().splitlines() == [
        "version: TLSv1.3",
        "suite: TLS_AES_128_GCM_SHA256",
        "group: x25519",
        "signature: ecdsa_secp256r1_sha256 (2 signatures verified)",
        "alpn: none",
    ]
    server.expect_exact(b"CONNECTION CLOSED")


@pytest.mark.parametrize(
    ("served", "asked", "said"),
    [
        (
            ("-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"),
            (),
            "suite: TLS_CHACHA20_POLY1305_SHA256",
        ),
        ((), ("--suites", "TLS_CHACHA20_POLY1305_SHA256"), "suite: TLS_CHACHA20_POLY1305_SHA256"),
        (("-groups", "P-256"), (), "group: secp256r1"),  # by HelloRetryRequest
        ((), ("--groups", "secp256r1"), "group: secp256r1"),
        (("-alpn", "h2,http/1.1"), ("--alpn", "http/1.1"), "alpn: http/1.1"),
        (("-max_send_frag", "512"), (), "group: x25519"),
        (("-record_padding", "300"), (), "group: x25519"),
        (("-verify", "1"), (), "group: x25519"),
        (("-num_tickets", "9"), (), "group: x25519"),
        (("-no_middlebox",), (), "group: x25519"),
        (("-stateless",), (), "group: x25519"),  # HelloRetryRequest with a cookie
        (("-groups", "P-384"), (), "group: secp384r1"),
        *[
            (("-ciphersuites", suite), ("--suites", suite), "suite: " + suite)
            for suite in ("TLS_AES_256_GCM_SHA384", "TLS_AES_128_CCM_SHA256")
        ],
        (CCM_8, ("--suites", "TLS_AES_128_CCM_8_SHA256"), "suite: TLS_AES_128_CCM_8_SHA256"),
    ],
)
def test_whatever_openssl_is_told_is_understood(desk, capfdbinary, served, asked, said):
    address, _ = desk.serve("-rev", *served)
    line = desk.write("line", b"0123456789" * 100 + b"\nCLOSE\n")
    assert desk.client(address, "--send", line, *asked) == 0
    out, err = capfdbinary.readouterr()
    assert out == b"9876543210" * 100 + b"\n"
    assert said in err.decode().splitlines()


def test_new_keys_of_openssl_are_followed_and_a_truncation_is_noticed(desk):
    address, server = desk.serve()
    command = [sys.executable, "-m", "tlscore", *desk.arguments(address, "--idle", "10")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as client:
        # The last line about a connection, in OpenSSL 3.0 and in 3.5.
        server.expect(b"Secure Renegotiation IS|forbids renegotiation")
        server.sendline("K")
        server.sendline("after the update")
        assert client.stdout.read(len(b"after the update\n")) == b"after the update\n"
        # s_server closes the socket here without close_notify: the data may have been cut short.
        server.sendline("Q")
        assert client.wait(WAIT_S) == EXIT_TLS
        assert client.stderr.read().endswith(b"failed: connection.truncated\n")


def test_the_key_log_is_that_of_openssl(desk, tmp_path):
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    address, server = desk.serve("-rev", "-keylogfile", str(theirs))
    assert desk.client(address, "--keylog", str(ours)) == 0
    server.expect_exact(b"CONNECTION CLOSED")
    logged = {line for line in theirs.read_text().splitlines() if not line.startswith("#")}
    assert len(ours.read_text().splitlines()) == 5
    assert set(ours.read_text().splitlines()) == logged


@pytest.mark.parametrize(
    ("served", "asked", "said"),
    [
        (("-tls1_2",), (), "alert 70 (protocol_version)"),
        (CCM_8, (), "alert 40 (handshake_failure)"),
        (("-groups", "P-521"), (), "alert 40 (handshake_failure)"),
        (("-alpn", "h2"), ("--alpn", "spdy"), "alert 120 (no_application_protocol)"),
    ],
)
def test_a_refusal_by_the_server_is_explained(desk, capsys, served, asked, said):
    address, _ = desk.serve("-rev", *served)
    assert desk.client(address, *asked) == EXIT_TLS
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("the server refused: " + said + ": ")
    assert lines[1].startswith("failed: alert_received.")


def test_a_certificate_we_refuse_is_explained_on_both_sides(desk, capsys):
    address, server = desk.serve("-rev")
    assert desk.client(address, "--servername", "other.example") == EXIT_TLS
    assert capsys.readouterr().err.splitlines() == [
        "we refused: alert 42 (bad_certificate) sent",
        "failed: certificate.name_mismatch",
    ]
    server.expect_exact(b"alert bad certificate")


def test_a_certificate_out_of_time_is_refused(desk, capsys):
    address, server = desk.serve("-rev")
    assert desk.client(address, "--time", "2031-01-01T00:00:00Z") == EXIT_TLS
    assert "failed: certificate.expired" in capsys.readouterr().err
    server.expect_exact(b"alert certificate expired")


def test_a_closed_port_is_a_network_failure(desk, capsys):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = "127.0.0.1:{}".format(unused.getsockname()[1])
        assert desk.client(address) == EXIT_NETWORK
    assert capsys.readouterr().err == address + ": Connection refused\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no certificate, PEM or DER"),
        (b"no certificate\n", "holds no certificate, PEM or DER"),
        (b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----", "bad base64"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "not usable"),
        (b"\x30\x03\x02\x01\x01", "not usable as trust anchor"),
    ],
)
def test_a_bad_ca_file_is_named(desk, capsys, content, said):
    bad = desk.write("bad.pem", content)
    assert desk.client("127.0.0.1:1", "--ca", bad) == EXIT_USAGE
    assert capsys.readouterr().err.startswith(bad + ": ")
    assert desk.client("127.0.0.1:1", "--ca", bad) == EXIT_USAGE
    assert said in capsys.readouterr().err


def test_a_ca_file_in_der_is_understood(desk):
    address, _ = desk.serve("-rev")
    assert desk.client(address, "--ca", desk.write("ca.der", desk.identity.root)) == 0


def test_a_missing_file_is_named(desk, capsys):
    for option in ("--ca", "--send", "--keylog"):
        assert desk.client("127.0.0.1:1", option, "/nowhere/file") == EXIT_USAGE
        assert capsys.readouterr().err == "/nowhere/file: No such file or directory\n"


def test_openssl_takes_our_certificate(desk, capsys):
    address, server = desk.serve("-Verify", "1", "-CAfile", desk.ca, "-rev")
    assert desk.client(address, "--cert", desk.certificate, "--key", desk.key) == 0
    server.expect_exact(b"CONNECTION CLOSED")
    assert "signature: " in capsys.readouterr().err


def test_a_small_record_buffer_is_enough_for_small_records(desk, capfdbinary):
    # This OpenSSL does not know record_size_limit, so it is told.
    address, _ = desk.serve("-rev", "-max_send_frag", "512")
    line = desk.write("line", b"x" * 2000 + b"\nCLOSE\n")
    assert desk.client(address, "--send", line, "--record-bytes", "2048") == 0
    assert capfdbinary.readouterr().out == b"x" * 2000 + b"\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--cert", "chain.pem"), "--cert and --key belong together"),
        (("--cert", "absent.pem", "--key", "absent.key"), "absent.pem"),
        (("--record-bytes", "63"), "config.record_buffer_bytes"),
        (("--sigalgs", "rsa_pkcs1_sha256"), "config.no_signature_schemes"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_sent(desk, capsys, options, said):
    assert desk.client("127.0.0.1:9", *options) == EXIT_USAGE
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--connect", "localhost", "is not HOST:PORT"),
        ("--connect", "localhost:99999", "is not HOST:PORT"),
        ("--groups", "x448", "is none of secp256r1, secp384r1, x25519"),
        ("--suites", "RC4", "is none of TLS_AES_128_GCM_SHA256"),
        ("--time", "tomorrow", "is neither seconds since 1970 nor like"),
    ],
)
def test_a_bad_option_is_explained(desk, capsys, option, value, said):
    with pytest.raises(SystemExit) as caught:
        desk.client("127.0.0.1:1", option, value)
    assert caught.value.code == EXIT_USAGE
    assert said in capsys.readouterr().err


def test_a_name_that_cannot_be_is_explained(desk, capsys):
    assert desk.client("127.0.0.1:1", "--servername", "trailing.dot.") == EXIT_USAGE
    assert capsys.readouterr().err == "cannot connect like this: config.server_name\n"


def test_a_large_file_is_echoed_while_it_is_sent(desk, capfdbinary):
    # More than the sockets hold: a client that only sends, or only receives, would hang.
    address, _ = desk.serve("-rev")
    lines = [bytes([0x61 + number % 26]) * 1000 for number in range(1500)]
    large = desk.write("large", b"\n".join(lines) + b"\nCLOSE\n")
    assert desk.client(address, "--send", large, "--suites", "TLS_CHACHA20_POLY1305_SHA256") == 0
    assert capfdbinary.readouterr().out == b"\n".join(lines) + b"\n"


def test_silence_after_everything_was_said_ends_the_connection(desk, capfdbinary):
    address, server = desk.serve("-rev")
    line = desk.write("line", b"abc\n")
    assert desk.client(address, "--send", line, "--idle", "0.5") == 0
    assert capfdbinary.readouterr().out == b"cba\n"
    server.expect_exact(b"CONNECTION CLOSED")


def test_a_silent_server_is_a_network_failure(desk, capsys):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = "127.0.0.1:{}".format(silent.getsockname()[1])
        assert desk.client(address, "--timeout", "0.2") == EXIT_NETWORK
    assert capsys.readouterr().err == address + ": the server is silent\n"
