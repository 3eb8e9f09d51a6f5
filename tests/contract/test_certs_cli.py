"""`hil certs` as a user meets it, judged by OpenSSL's verifier and by the core's own."""

import runpy
import shutil
import ssl
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from hil.cli import main
from hil.tlsrig import keys
from tlscore.__main__ import main as tlscore_main
from tlscore.trust import anchor_from_certificate
from tlscore.trust_store import TrustStore

SECRET = 0o600


@pytest.fixture
def certs(capsys):
    """Run `hil certs` and return its exit status, output and errors."""

    def run(*arguments):
        status = main(["certs", *map(str, arguments)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture
def folder(certs, tmp_path):
    """Return a folder with an authority."""
    assert certs("ca", "-o", tmp_path, "-q")[0] == 0
    return tmp_path


def openssl(folder, stem, purpose, *more):
    """Return what `openssl verify` says of a certificate below the authority of the folder."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed: apt-get install openssl")
    argv = [program, "verify", "-x509_strict", "-CAfile", folder / "ca.pem", "-purpose", purpose]
    argv += ["-untrusted", folder / f"{stem}-chain.pem", *more, folder / f"{stem}.pem"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def tlscore(capsys):
    """Run `python -m tlscore verify` on a chain just as it would be sent: status and output."""

    def run(folder, stem, *more, trust="ca.pem"):
        argv = ["verify", "--as-sent", *more, "--chain", str(folder / f"{stem}-chain.pem")]
        status = tlscore_main([*argv, "--trust", str(folder / trust)])
        return status, capsys.readouterr().out

    return run


@pytest.mark.parametrize("kind", ["p256", "p384", "rsa2048", "ed25519"])
def test_certificates_of_every_kind_verify_with_openssl_and_on_boards(
    certs, tlscore, tmp_path, kind
):
    options = ("-o", tmp_path, "-q", "--key", kind)
    assert certs("ca", *options)[0] == 0
    assert certs("intermediate", *options)[0] == 0
    below = ("--issuer", "intermediate")
    names = ("--name", "www.example", "--dns", "*.b.example", "--ip", "192.0.2.7", "--ip", "::1")
    assert certs("server", *options, *below, *names)[0] == 0
    assert certs("device", *options, *below, "--name", "Sensor 7", "--dns", "s7.example")[0] == 0

    assert openssl(tmp_path, "www.example", "sslserver", "-verify_hostname", "x.b.example")[0] == 0
    assert openssl(tmp_path, "www.example", "sslserver", "-verify_ip", "192.0.2.7")[0] == 0
    for name in ("www.example", "x.b.example", "192.0.2.7", "::1"):
        assert tlscore(tmp_path, "www.example", "--name", name)[0] == 0
    assert tlscore(tmp_path, "www.example", "--name", "www.example", trust="ca.trust")[0] == 0
    for purpose, usage in (("sslclient", "client"), ("sslserver", "server")):
        assert openssl(tmp_path, "Sensor-7", purpose)[0] == 0
        status, said = tlscore(tmp_path, "Sensor-7", "--usage", usage, "--name", "s7.example")
        assert (status, said) == (0, "valid\npath: 1 2\nsignatures: 2\n")


def test_roles_are_kept_apart(certs, tlscore, folder):
    assert certs("server", "-o", folder, "-q", "--name", "www.example")[0] == 0
    assert certs("client", "-o", folder, "-q", "--name", "someone")[0] == 0
    assert tlscore(folder, "www.example", "--usage", "client")[0] == 1
    assert tlscore(folder, "someone", "--usage", "server", "--name", "a.example")[0] == 1
    assert tlscore(folder, "someone", "--usage", "client")[0] == 0
    assert openssl(folder, "www.example", "sslclient")[0] != 0
    assert openssl(folder, "someone", "sslserver")[0] != 0
    assert tlscore(folder, "www.example", "--name", "other.example")[0] == 1


def test_all_makes_what_a_lab_begins_with_and_lists_it(certs, tlscore, tmp_path):
    folder = tmp_path / "new" / "pki"
    status, out, _ = certs("all", "-o", folder)
    assert status == 0
    for name in ("localhost", "127.0.0.1", "::1"):
        assert tlscore(folder, "localhost", "--name", name)[0] == 0
    assert tlscore(folder, "device", "--usage", "client")[0] == 0
    listed = [Path(line.split()[0]) for line in out.splitlines() if line.startswith("  ")]
    assert sorted(listed) == sorted(folder.iterdir())


def test_all_with_days_gives_all_of_them_so_many(certs, tmp_path):
    assert certs("all", "-o", tmp_path, "-q", "--days", "3")[0] == 0
    ends = {
        x509.load_pem_x509_certificate((tmp_path / f"{stem}.pem").read_bytes()).not_valid_after_utc
        for stem in ("ca", "localhost", "device")
    }
    assert len(ends) == 1


def test_der_pem_and_module_say_the_same(certs, folder):
    assert certs("intermediate", "-o", folder, "-q")[0] == 0
    made = certs("device", "-o", folder, "-q", "--name", "7up", "--issuer", "intermediate")
    assert made[0] == 0
    module = runpy.run_path(str(folder / "_7up_credentials.py"))
    chain = x509.load_pem_x509_certificates((folder / "7up-chain.pem").read_bytes())
    der = [each.public_bytes(serialization.Encoding.DER) for each in chain]
    assert list(module["CERTIFICATES"]) == der
    assert (folder / "7up.der").read_bytes() == der[0]
    assert (folder / "intermediate.der").read_bytes() == der[1]
    key = serialization.load_pem_private_key((folder / "7up-key.pem").read_bytes(), None)
    assert module["PRIVATE_KEY"] == keys.private_tuple(key)
    again = serialization.load_der_private_key((folder / "7up-key.der").read_bytes(), None)
    assert keys.private_tuple(again) == module["PRIVATE_KEY"]
    anchor = anchor_from_certificate((folder / "ca.der").read_bytes())
    assert module["ANCHORS"] == (anchor,)
    assert runpy.run_path(str(folder / "ca_trust.py"))["ANCHORS"] == (anchor,)
    assert TrustStore((folder / "ca.trust").read_bytes()).row(0) == anchor
    assert module["NOT_AFTER"] == int(chain[0].not_valid_after_utc.timestamp())


def test_a_server_of_python_can_load_chain_and_key(certs, folder):
    assert certs("server", "-o", folder, "-q", "--name", "www.example")[0] == 0
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "www.example-chain.pem", folder / "www.example-key.pem")


def test_what_holds_a_private_key_is_readable_by_its_owner_alone(certs, folder):
    assert certs("server", "-o", folder, "-q", "--name", "www.example")[0] == 0
    secret = {path.name for path in folder.iterdir() if stat.S_IMODE(path.stat().st_mode) == SECRET}
    assert secret == {
        "ca-key.pem",
        "ca-key.der",
        "www.example-key.pem",
        "www.example-key.der",
        "www_example_credentials.py",
    }


def test_nothing_is_replaced_without_force(certs, folder):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    status, _, err = certs("ca", "-o", folder)
    assert status == 1
    assert f"{folder / 'ca.pem'} is there already; --force replaces it" in err
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert certs("ca", "-o", folder, "--force")[0] == 0
    assert not before.items() <= {path: path.read_bytes() for path in folder.iterdir()}.items()


def test_all_replaces_nothing_if_one_file_is_there(certs, tmp_path):
    (tmp_path / "device-key.der").write_bytes(b"precious")
    status, _, err = certs("all", "-o", tmp_path)
    assert (status, [path.name for path in tmp_path.iterdir()]) == (1, ["device-key.der"])
    assert "device-key.der is there already" in err


def test_an_authority_is_not_replaced_by_something_else_even_by_force(certs, folder):
    before = (folder / "ca-key.pem").read_bytes()
    status, _, err = certs("client", "-o", folder, "--name", "ca", "--force")
    assert status == 1
    assert "is an authority's and is not replaced; choose another name by --file" in err
    assert (folder / "ca-key.pem").read_bytes() == before


def test_two_authorities_have_different_names_unless_they_are_given_one(certs, tmp_path):
    for stem in ("one", "two"):
        assert certs("ca", "-o", tmp_path, "-q", "--file", stem)[0] == 0
    names = {
        x509.load_pem_x509_certificate((tmp_path / f"{stem}.pem").read_bytes()).subject
        for stem in ("one", "two")
    }
    assert len(names) == 2


def test_an_authority_below_one_that_is_below_another_leads_to_the_root(certs, tlscore, folder):
    assert certs("intermediate", "-o", folder, "-q", "--file", "upper")[0] == 0
    lower = ("--file", "lower", "--issuer", "upper")
    assert certs("intermediate", "-o", folder, "-q", *lower)[0] == 0
    assert certs("client", "-o", folder, "-q", "--name", "c", "--issuer", "lower")[0] == 0
    assert tlscore(folder, "c", "--usage", "client")[1].splitlines()[1] == "path: 1 2 3"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("server", "--name", "My server"), "add --dns or --ip"),
        (("server", "--name", "a.example", "--dns", "bü.example"), "in their xn-- form"),
        (("server", "--name", "a.example", "--dns", "192.0.2.1"), "an address goes with --ip"),
        (("server", "--name", "a.example", "--ip", "192.0.2"), "--ip '192.0.2': is no address"),
        (("server", "--name", "a" * 65), "--name 'aaa"),
        (("client", "--name", "a\nb"), "must be printable"),
        (("client", "--name", "///"), "choose one by --file"),
        (("client", "--name", "x", "--file", "../x"), "'../x' cannot be the name of the files"),
        (("client", "--name", "master-key"), "neither -key nor -chain at the end"),
        (("client", "--name", "x", "--days", "0"), "--days 0: must be 1 or more"),
        (("client", "--name", "x", "--days", "9999999"), "after the year 9999"),
        (("client", "--name", "x", "--days", "4000"), "itself ends on"),
        (("client", "--name", "x", "--issuer", "other"), "make it first with `hil certs"),
    ],
)
def test_what_cannot_be_made_is_refused_with_the_option(certs, folder, arguments, complaint):
    before = sorted(folder.iterdir())
    role, *more = arguments
    status, _, err = certs(role, "-o", folder, *more)
    assert status == 1
    assert complaint in err
    assert sorted(folder.iterdir()) == before


def test_without_an_authority_it_says_how_to_make_one(certs, tmp_path):
    status, _, err = certs("device", "-o", tmp_path, "--name", "x")
    assert status == 1
    assert f"make it first with `hil certs ca -o {tmp_path}`" in err


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda folder: (folder / "ca-key.pem").unlink(), "ca-key.pem: No such file"),
        (lambda folder: (folder / "ca-key.pem").write_text("x"), "holds no private key in PEM"),
        (lambda folder: (folder / "ca.pem").write_text("x"), "holds no certificate in PEM"),
    ],
)
def test_an_authority_that_cannot_sign_is_refused_by_file(certs, folder, damage, complaint):
    damage(folder)
    status, _, err = certs("client", "-o", folder, "--name", "x")
    assert status == 1
    assert complaint in err


def test_a_key_that_is_not_the_authoritys_is_refused(certs, folder):
    assert certs("ca", "-o", folder, "-q", "--file", "other")[0] == 0
    shutil.copy(folder / "other-key.pem", folder / "ca-key.pem")
    status, _, err = certs("client", "-o", folder, "--name", "x")
    assert status == 1
    assert "ca-key.pem is not the private key of" in err


def test_an_encrypted_key_is_refused_with_the_command_that_decrypts_it(certs, folder):
    key = serialization.load_pem_private_key((folder / "ca-key.pem").read_bytes(), None)
    (folder / "ca-key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    status, _, err = certs("client", "-o", folder, "--name", "x")
    assert status == 1
    assert "is encrypted; decrypt it with `openssl pkey" in err


def test_an_intermediate_without_its_root_is_refused(certs, folder):
    assert certs("intermediate", "-o", folder, "-q")[0] == 0
    (folder / "ca.pem").unlink()
    status, _, err = certs("client", "-o", folder, "--name", "x", "--issuer", "intermediate")
    assert status == 1
    assert "the certificate of CN=hil CA" in err
    assert "is missing" in err


def test_a_leaf_cannot_issue(certs, folder):
    assert certs("client", "-o", folder, "-q", "--name", "leaf")[0] == 0
    status, _, err = certs("client", "-o", folder, "--name", "x", "--issuer", "leaf")
    assert status == 1
    assert "leaf.pem is no authority" in err
