"""What `python -m tlscore server` can be told of keys, cookies and padding, with real clients."""

import hashlib
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from peer_programs import PEM, needs_gnutls, needs_openssl, private_bytes
from server_identity import public_key_info
from test_server_command import GET, WAIT_S, s_client

from tlscore import private_key_files
from tlscore.__main__ import main

RAW_BOTH = ":-CTYPE-ALL:+CTYPE-SRV-RAWPK:+CTYPE-CLI-RAWPK"


def pin_of(identity):
    return hashlib.sha256(public_key_info(identity.key)).hexdigest()


def raw_key_files(desk, identity):
    """Return options of gnutls-cli for a raw public key of its own."""
    public = identity.key.public_key().public_bytes(
        PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    key = desk.write("client.key", private_bytes(identity.key))
    return ["--rawpkkeyfile", key, "--rawpkfile", desk.write("client.pub", public)]


def gnutls(desk, port, types, *options):
    """Have gnutls-cli send a line; return (what it said, whether it was echoed)."""
    priority = "NORMAL:-VERS-ALL:+VERS-TLS1.3" + types
    command = ["gnutls-cli", "--port", port, "--no-ca-verification", "--sni-hostname"]
    command += ["server.example", "--priority", priority, *options, "127.0.0.1"]
    pipe = subprocess.PIPE
    said = []
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT) as client:
        client.stdin.write(b"echo this\n")
        client.stdin.flush()
        while line := client.stdout.readline():
            said.append(line)
            if line == b"echo this\n":
                client.stdin.close()
        client.wait(WAIT_S)
    return b"".join(said), b"echo this\n" in said


@needs_gnutls
@pytest.mark.parametrize("scheme", [0x0403, 0x0503, 0x0804, 0x0807])
def test_gnutls_takes_our_raw_public_key(desk, scheme):
    port = desk.serve("--count", "1", "--raw-public-key", scheme=scheme)
    said, echoed = gnutls(desk, port, ":-CTYPE-SRV-X509:+CTYPE-SRV-RAWPK")
    assert b"Certificate type: Raw Public Key" in said, said
    assert echoed
    assert desk.said()[0] == 0


@needs_gnutls
@pytest.mark.parametrize("scheme", [0x0403, 0x0807])
def test_gnutls_shows_the_raw_public_key_we_have_pinned(desk, identities, scheme):
    theirs = identities(scheme)
    port = desk.serve("--count", "1", "--raw-public-key", "--client-pin", pin_of(theirs))
    said, echoed = gnutls(desk, port, RAW_BOTH, *raw_key_files(desk, theirs))
    assert echoed, said
    status, told = desk.said()
    assert (status, "client certified" in told) == (0, True), told


@needs_gnutls
def test_another_raw_public_key_of_gnutls_is_refused(desk, identities):
    pin = pin_of(identities(0x0503))
    port = desk.serve("--count", "1", "--raw-public-key", "--client-pin", pin)
    said, echoed = gnutls(desk, port, RAW_BOTH, *raw_key_files(desk, identities(0x0807)))
    assert not echoed, said
    assert desk.said() == (1, "1: failed: certificate.not_pinned\n")


@needs_gnutls
def test_a_client_without_raw_public_keys_gets_the_certificate(desk):
    port = desk.serve("--count", "1", "--raw-public-key")
    said, echoed = gnutls(desk, port, "")
    assert b"Certificate type: X.509" in said, said
    assert echoed
    assert desk.said()[0] == 0


@needs_openssl
def test_openssl_returns_the_cookie(desk):
    port = desk.serve("--http", "--count", "1", "--cookie", "--groups", "secp384r1")
    client = s_client(desk, port, "-groups", "X25519:P-384", "-trace", say=GET)
    # In the HelloRetryRequest and in the second ClientHello: 2 + 2 + 2 + 32 + 32 bytes.
    assert client.stdout.count(b"(44), length=70") == 2
    assert b"hello from tlscore" in client.stdout, client.stderr
    assert desk.said()[0] == 0


@needs_gnutls
def test_gnutls_returns_the_cookie(desk):
    port = desk.serve("--count", "1", "--cookie", "--groups", "secp384r1")
    groups = ":-GROUP-ALL:+GROUP-X25519:+GROUP-SECP384R1"
    said, echoed = gnutls(desk, port, groups, "--single-key-share", "-d", "4")
    assert b"Cookie/44" in said
    assert echoed, said
    status, told = desk.said()
    assert (status, "secp384r1" in told) == (0, True), told


@needs_openssl
@pytest.mark.parametrize("size", [512, 4096])
def test_openssl_gets_the_fragments_it_asked_for(desk, size):
    # A longer record would make it end the connection, and so would one without the answer.
    port = desk.serve("--count", "1")
    line = b"0123456789abcde\n" * 300
    command = ["openssl", "s_client", "-connect", "127.0.0.1:" + port, "-tls1_3", "-trace"]
    command += ["-maxfraglen", str(size), "-quiet", "-no_ign_eof"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
        client.stdin.write(line)
        client.stdin.flush()
        heard = b""
        while heard.count(b"0123456789abcde") < 300:
            piece = client.stdout.readline()
            assert piece, heard
            heard += piece
        client.stdin.close()
        heard += client.stdout.read()
    assert heard.count(b"max_fragment_length(1), length=1") == 2
    assert desk.said()[0] == 0


@needs_openssl
def test_openssl_is_told_the_authorities_and_takes_padding(desk):
    root = desk.files(0x0403)[2]
    utc = str(desk.identities(0x0403).utc_seconds)
    asking = ("--client-ca", root, "--time", utc, "--optional", "--padding", "512")
    port = desk.serve("--http", "--count", "1", *asking)
    client = s_client(desk, port, say=GET)
    names = client.stdout.split(b"Acceptable client certificate CA names\n")[1].splitlines()
    # OpenSSL 3.0 writes blanks about the sign, 3.5 does not.
    assert names[0].replace(b" = ", b"=") == b"CN=test root"
    assert b"hello from tlscore" in client.stdout, client.stderr
    assert desk.said()[0] == 0


def test_too_many_authorities_are_not_named(desk, monkeypatch):
    from tlscore import server_options, version_options

    certificate, key, root = desk.files(0x0403)
    arguments = ["--cert", certificate, "--key", key, "--client-ca", root]
    made = []
    monkeypatch.setattr(
        version_options, "server_configuration", lambda *_, **values: made.append(values)
    )
    for limit, named in ((8192, 1), (10, 0)):
        monkeypatch.setattr(server_options, "_AUTHORITIES_BYTES_MAX", limit)
        monkeypatch.setattr("tlscore.server_command._serve", lambda *_: 0)
        assert main(["server", "--listen", "127.0.0.1:0", *arguments]) == 0
        assert len(made[-1]["trust"].authorities) == named


@pytest.mark.parametrize("scheme", [0x0403, 0x0503, 0x0804, 0x0807])
def test_the_raw_public_key_is_made_from_the_private_one(desk, identities, scheme):
    key = private_key_files.private_key(desk.files(scheme)[1])
    assert private_key_files.public_key_info(key) == public_key_info(identities(scheme).key)


def test_what_does_not_belong_together_is_named(desk, capsys):
    certificate, key = desk.files(0x0403)[0], desk.files(0x0503)[1]
    arguments = ["server", "--listen", "127.0.0.1:0", "--cert", certificate, "--key", key]
    assert main(arguments) == 2
    assert capsys.readouterr().err == f"{key}: not the private key of {certificate}\n"


@pytest.mark.parametrize("pin", ["", "00", "zz" * 32])
def test_a_pin_that_is_none_is_refused(desk, capsys, pin):
    certificate, key, _ = desk.files(0x0403)
    arguments = ["server", "--listen", "127.0.0.1:0", "--cert", certificate, "--key", key]
    with pytest.raises(SystemExit):
        main([*arguments, "--client-pin", pin])
    assert "is not the SHA-256 of a SubjectPublicKeyInfo" in capsys.readouterr().err


# --- our client at the other end


def our_client(desk, port, *options):
    lines = desk.write("lines", b"echo this\n")
    name = desk.identities(0x0403).name
    arguments = ["client", "--connect", "127.0.0.1:" + port, "--servername", name]
    utc = str(desk.identities(0x0403).utc_seconds)
    return main([*arguments, "--time", utc, "--send", lines, "--idle", "1", *options])


def test_two_programs_need_no_certificate(desk, identities, capfdbinary):
    ours, theirs = identities(0x0403), identities(0x0807)
    port = desk.serve("--count", "1", "--raw-public-key", "--client-pin", pin_of(theirs))
    options = ("--pin", pin_of(ours), "--raw-public-key", "--key", desk.files(0x0807)[1])
    assert our_client(desk, port, *options, "--padding", "64", "--max-fragment", "512") == 0
    assert capfdbinary.readouterr().out == b"echo this\n"
    status, told = desk.said()
    assert (status, "client certified" in told) == (0, True), told


def test_a_pinned_key_may_be_in_a_certificate(desk, identities, capfdbinary):
    port = desk.serve("--count", "1")
    assert our_client(desk, port, "--pin", pin_of(identities(0x0403))) == 0
    assert capfdbinary.readouterr().out == b"echo this\n"


def test_a_key_that_is_not_pinned_is_refused(desk, identities, capsys):
    for more in ((), ("--ca", desk.files(0x0403)[2])):
        port = desk.serve("--count", "1", "--raw-public-key")
        assert our_client(desk, port, "--pin", pin_of(identities(0x0503)), *more) == 1
        assert "failed: certificate.not_pinned" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--raw-public-key",), "--raw-public-key needs --key"),
        (("--key", "KEY"), "--cert and --key belong together"),
        (("--key", "KEY", "--cert", "CERTIFICATE"), "not the private key of"),
    ],
)
def test_an_identity_that_cannot_be_is_refused(desk, identities, capsys, options, said):
    files = {"KEY": desk.files(0x0503)[1], "CERTIFICATE": desk.files(0x0403)[0]}
    options = [files.get(option, option) for option in options]
    assert our_client(desk, "1", "--pin", pin_of(identities(0x0403)), *options) == 2
    assert said in capsys.readouterr().err
