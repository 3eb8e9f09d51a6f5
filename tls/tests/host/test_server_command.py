"""`python -m tlscore server` against real clients on the loopback interface, port 0."""

import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from peer_programs import needs_gnutls, needs_openssl, private_bytes

from tlscore.__main__ import main
from tlscore.certificate_files import FileError
from tlscore.private_key_files import private_key

DER = serialization.Encoding.DER
WAIT_S = 30


def s_client(desk, port, *options, say=b"hello board\n", scheme=0x0403):
    """Run `openssl s_client` until the server closes; return the finished process."""
    identity = desk.identities(scheme)
    command = ["openssl", "s_client", "-connect", "127.0.0.1:" + port, "-tls1_3", "-CAfile"]
    command += [desk.files(scheme)[2], "-attime", str(identity.utc_seconds), "-verify", "3"]
    command += ["-verify_return_error", "-servername", identity.name, "-ign_eof", *options]
    return subprocess.run(command, input=say, capture_output=True, timeout=WAIT_S, check=False)


GET = b"GET / HTTP/1.0\r\n\r\n"


@needs_openssl
@pytest.mark.parametrize(
    ("served", "asked", "said"),
    [
        ((), (), "TLSv1.3, TLS_AES_128_GCM_SHA256, x25519, ecdsa_secp256r1_sha256, alpn none"),
        ((), ("-groups", "P-256"), "secp256r1"),
        (("--groups", "secp256r1"), (), "secp256r1"),  # by HelloRetryRequest
        (("--groups", "secp384r1"), ("-groups", "X25519:P-384"), "secp384r1"),
        ((), ("-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"), "TLS_CHACHA20_POLY1305_SHA256"),
        ((), ("-ciphersuites", "TLS_AES_256_GCM_SHA384"), "TLS_AES_256_GCM_SHA384"),
        ((), ("-ciphersuites", "TLS_AES_128_CCM_SHA256"), "TLS_AES_128_CCM_SHA256"),
        (("--alpn", "h2,http/1.1"), ("-alpn", "http/1.1"), "alpn http/1.1"),
        ((), ("-no_middlebox",), "x25519"),
        ((), ("-record_padding", "256"), "x25519"),
    ],
)
def test_whatever_openssl_is_told_is_understood(desk, served, asked, said):
    port = desk.serve("--http", "--count", "1", *served)
    client = s_client(desk, port, *asked, say=GET)
    assert client.returncode == 0, client.stderr
    assert b"hello from tlscore" in client.stdout
    assert b"Verify return code: 0 (ok)" in client.stdout
    status, told = desk.said()
    assert (status, said in told) == (0, True), told


@needs_openssl
@pytest.mark.parametrize("scheme", [0x0503, 0x0804, 0x0807])
def test_openssl_verifies_every_kind_of_key(desk, scheme):
    port = desk.serve("--http", "--count", "1", scheme=scheme)
    client = s_client(desk, port, say=GET, scheme=scheme)
    assert b"hello from tlscore" in client.stdout, client.stderr
    assert desk.said()[0] == 0


@needs_openssl
@pytest.mark.parametrize("key", ["K", "k"])
def test_new_keys_of_openssl_are_followed(desk, key):
    port = desk.serve("--http", "--count", "1")
    # s_client changes its keys at a line K or k; without -ign_eof it reads commands.
    command = ["openssl", "s_client", "-connect", "127.0.0.1:" + port, "-tls1_3"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as client:
        client.stdin.write(key.encode() + b"\n")
        client.stdin.flush()
        # What comes before it has said so would be swallowed with the command.
        while client.stderr.readline() != b"KEYUPDATE\n":
            assert client.poll() is None
        client.stdin.write(GET)
        client.stdin.flush()
        told = desk.said()
        assert b"hello from tlscore" in client.stdout.read()
    assert told[0] == 0


@needs_openssl
def test_the_key_log_is_that_of_openssl(desk, tmp_path):
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    port = desk.serve("--http", "--count", "1", "--keylog", str(ours))
    s_client(desk, port, "-keylogfile", str(theirs), say=GET)
    logged = {line for line in theirs.read_text().splitlines() if not line.startswith("#")}
    assert len(ours.read_text().splitlines()) == 5
    assert set(ours.read_text().splitlines()) == logged


@needs_openssl
@pytest.mark.parametrize(
    ("served", "asked", "said"),
    [
        ((), ("-no_tls1_3",), "client_hello.version_not_supported"),
        (("--suites", "TLS_AES_128_CCM_SHA256"), (), "client_hello.no_common_suite"),
        (("--groups", "secp256r1"), ("-groups", "X25519"), "client_hello.no_common_group"),
        ((), ("-sigalgs", "RSA-PSS+SHA256"), "client_hello.no_common_scheme"),
        (("--alpn", "h2"), ("-alpn", "spdy"), "client_hello.no_common_protocol"),
    ],
)
def test_what_cannot_be_met_is_refused_and_told(desk, served, asked, said):
    port = desk.serve("--count", "1", *served)
    command = ["openssl", "s_client", "-connect", "127.0.0.1:" + port, *asked]
    client = subprocess.run(command, input=b"", capture_output=True, timeout=WAIT_S, check=False)
    assert client.returncode != 0
    status, told = desk.said()
    assert (status, told) == (1, "1: failed: " + said + "\n")


@needs_openssl
def test_a_client_proves_who_it_is(desk):
    certificate, key, root = desk.files(0x0403)
    utc = str(desk.identities(0x0403).utc_seconds)
    asking = ("--http", "--count", "1", "--client-ca", root, "--time", utc)
    port = desk.serve(*asking)
    client = s_client(desk, port, "-cert", certificate, "-key", key, say=GET)
    assert b"hello from tlscore" in client.stdout, client.stderr
    assert "client certified" in desk.said()[1]
    port = desk.serve(*asking)
    client = s_client(desk, port, say=GET)
    assert b"alert certificate required" in client.stderr
    assert desk.said() == (1, "1: failed: certificate_message.required\n")
    port = desk.serve(*asking, "--optional")
    assert b"hello from tlscore" in s_client(desk, port, say=GET).stdout
    assert "client unknown" in desk.said()[1]


@needs_openssl
def test_a_client_of_an_unknown_root_is_refused(desk):
    certificate, key, _ = desk.files(0x0503)
    utc = str(desk.identities(0x0403).utc_seconds)
    root = desk.files(0x0403)[2]
    port = desk.serve("--count", "1", "--client-ca", root, "--time", utc)
    s_client(desk, port, "-cert", certificate, "-key", key)
    status, told = desk.said()
    assert (status, "failed: certificate." in told) == (1, True), told


@needs_openssl
def test_many_are_served_at_once_and_one_after_the_other(desk):
    port = desk.serve("--http", "--count", "9")
    command = ["openssl", "s_client", "-connect", "127.0.0.1:" + port, "-ign_eof", "-quiet"]
    pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    # All connect before any of them says anything.
    clients = [subprocess.Popen(command, **pipe) for _ in range(8)]
    for client in reversed(clients):
        assert b"hello from tlscore" in client.communicate(GET, timeout=WAIT_S)[0]
    assert b"hello from tlscore" in s_client(desk, port, say=GET).stdout
    assert desk.said()[0] == 0


@needs_gnutls
def test_gnutls_completes_and_its_data_is_echoed(desk):
    port = desk.serve("--count", "1")
    identity = desk.identities(0x0403)
    # certtool has no way to set the time, so what GnuTLS thinks of the dates is not asked.
    command = ["gnutls-cli", "--port", port, "--no-ca-verification", "--sni-hostname"]
    command += [identity.name, "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.3", "127.0.0.1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
        client.stdin.write(b"echo this\n")
        client.stdin.flush()
        lines = []
        while not lines or b"echo this" not in lines[-1]:
            lines.append(client.stdout.readline())
            assert lines[-1], lines
        client.stdin.close()
        assert client.wait(WAIT_S) == 0
    status, told = desk.said()
    assert (status, "TLSv1.3" in told, told.endswith("1: closed\n")) == (0, True, True), told


def test_our_client_is_echoed(desk, capfdbinary):
    identity = desk.identities(0x0403)
    port = desk.serve("--count", "1")
    lines = desk.write("lines", b"0123456789" * 5000)
    arguments = ["client", "--connect", "127.0.0.1:" + port, "--ca", desk.files(0x0403)[2]]
    arguments += ["--servername", identity.name, "--time", str(identity.utc_seconds)]
    assert main([*arguments, "--send", lines, "--idle", "1"]) == 0
    assert capfdbinary.readouterr().out == b"0123456789" * 5000
    assert desk.said()[0] == 0


# --- files


@pytest.mark.parametrize("scheme", [0x0403, 0x0503, 0x0804, 0x0807])
def test_private_keys_are_read_in_every_form(desk, identities, scheme):
    from server_identity import private_key as expected

    key = identities(scheme).key
    forms = [serialization.PrivateFormat.PKCS8]
    if scheme != 0x0807:
        forms.append(serialization.PrivateFormat.TraditionalOpenSSL)
    for form in forms:
        assert private_key(desk.write("key", private_bytes(key, form=form))) == expected(key)
    der = private_bytes(key, DER)
    assert private_key(desk.write("key", der)) == expected(key)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense",
        b"\x30",
        b"\x30\x03\x02\x01\x00",
        b"-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----",
        b"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----",
        b"-----BEGIN EC PRIVATE KEY-----\nMAA=\n-----END EC PRIVATE KEY-----",
        b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----",
    ],
)
def test_what_is_no_private_key_is_named(desk, content):
    path = desk.write("bad.key", content)
    with pytest.raises(FileError) as caught:
        private_key(path)
    assert str(caught.value).startswith(path + ": ")


def test_files_and_addresses_that_cannot_be_used_are_explained(desk, capsys):
    certificate, key, _ = desk.files(0x0403)
    usual = {"--listen": "127.0.0.1:0", "--cert": certificate, "--key": key}

    def complaint(expected, **changes):
        options = {**usual, **{"--" + name: value for name, value in changes.items()}}
        assert main(["server", *[word for pair in options.items() for word in pair]]) == expected
        return capsys.readouterr().err

    assert complaint(2, cert="/nowhere/file") == "/nowhere/file: No such file or directory\n"
    assert "holds no unencrypted private key" in complaint(2, key=certificate)
    assert "No such file" in complaint(2, keylog="/nowhere/file")
    assert complaint(3, listen="192.0.2.1:0").startswith("192.0.2.1:0: ")
