"""`python -m tlscore verify`: verdict, reason and exit status, for chains in files of any kind."""

import subprocess
import sys

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from hil.tlsrig.pki import Plan, make_chain, plan_of
from tlscore.__main__ import main
from tlscore.trust_store import encode

NOW = 1_768_478_400


@pytest.fixture(scope="module")
def good():
    """A chain of three certificates below its root."""
    return make_chain(NOW, Plan(intermediates=2))


@pytest.fixture
def verify(capsys, tmp_path):
    """Function that verifies a chain: status, standard output, standard error."""

    def run(chain, *more, trust=None, files=None, name="localhost"):
        files = files or chain.write(tmp_path)
        command = ["verify", "--chain", files.chain, "--trust", trust or files.root]
        command += ["--time", NOW, *(["--name", name] if name else []), *more]
        try:
            status = main([str(argument) for argument in command])
        except SystemExit as ended:
            status = ended.code
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def pem(der):
    return x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM)


class TestVerdict:
    def test_a_good_chain_is_valid(self, verify, good):
        out = "valid\npath: 1 2 3\nsignatures: 3\n"
        assert verify(good) == (0, out, "")

    @pytest.mark.parametrize(
        ("variant", "reason", "alert"),
        [
            ("expired", "certificate.expired", "45 (certificate_expired)"),
            ("untrusted-ca", "certificate.unknown_ca", "48 (unknown_ca)"),
            ("wrong-name", "certificate.name_mismatch", "42 (bad_certificate)"),
            ("bad-signature", "certificate.bad_signature", "42 (bad_certificate)"),
        ],
    )
    def test_a_bad_chain_is_refused_with_reason_and_alert(self, verify, variant, reason, alert):
        out = f"refused: {reason}\nalert: {alert}\n"
        assert verify(make_chain(NOW, plan_of(variant))) == (1, out, "")

    def test_a_clients_chain_is_for_clients_and_needs_no_name(self, verify):
        chain = make_chain(NOW, plan_of("client"))
        assert verify(chain, "--usage", "client", name=None)[0] == 0
        status, out, _ = verify(chain, name="device-1.client.invalid")
        assert (status, out.splitlines()[0]) == (1, "refused: certificate.extended_key_usage")

    @pytest.mark.parametrize("time", ["1900000000", "2030-03-17T17:46:40Z", "2030-03-17T17:46:40"])
    def test_the_time_is_the_one_given(self, verify, good, time):
        assert verify(good, "--time", time)[1].startswith("refused: certificate.expired")

    def test_a_pinned_key_is_required_where_one_is_given(self, verify, good):
        assert verify(good, "--pin", good.pin.hex())[0] == 0
        assert verify(good, "--pin", "00" * 32)[1].startswith("refused: certificate.not_pinned")

    def test_it_is_a_program(self, good, tmp_path):
        files = good.write(tmp_path)
        command = [sys.executable, "-m", "tlscore", "verify", "--chain", files.chain]
        command += ["--trust", files.root, "--name", "localhost", "--time"]
        run = subprocess.run([*command, str(NOW)], capture_output=True, text=True, check=False)
        assert (run.returncode, run.stdout.splitlines()[0], run.stderr) == (0, "valid", "")
        run = subprocess.run([*command, "2100-01-01"], capture_output=True, text=True, check=False)
        assert (run.returncode, run.stdout.splitlines()[0]) == (1, "refused: certificate.expired")


class TestPaths:
    def test_certificates_in_any_order_are_put_in_order_unless_told_not_to(
        self, verify, good, tmp_path
    ):
        files = good.write(tmp_path)
        leaf, lower, upper = good.sent
        files.chain.write_bytes(pem(leaf) + pem(upper) + pem(lower))
        assert verify(good, files=files)[1].splitlines()[:2] == ["valid", "path: 1 3 2"]
        status, out, _ = verify(good, "--as-sent", files=files)
        assert (status, out.splitlines()[0]) == (1, "refused: certificate.unknown_ca")

    def test_another_path_is_taken_where_the_first_fails(self, verify, tmp_path):
        # Two certificates of one intermediate, the first one expired.
        chain = make_chain(NOW)
        authority, root = chain.authorities
        files = chain.write(tmp_path)
        old = x509.CertificateBuilder(
            issuer_name=root.certificate.subject,
            subject_name=authority.certificate.subject,
            public_key=authority.key.public_key(),
            serial_number=1,
            not_valid_before=authority.certificate.not_valid_before_utc,
            not_valid_after=authority.certificate.not_valid_before_utc,
            extensions=list(authority.certificate.extensions),
        ).sign(root.key, hashes.SHA256())
        leaf, fresh = chain.sent
        expired = old.public_bytes(serialization.Encoding.PEM)
        files.chain.write_bytes(pem(leaf) + expired + pem(fresh))
        assert verify(chain, files=files)[1].splitlines()[:2] == ["valid", "path: 1 3"]

    def test_the_reason_is_that_of_the_order_as_sent(self, verify, good, tmp_path):
        files = good.write(tmp_path)
        leaf, lower, upper = good.sent
        files.chain.write_bytes(pem(leaf) + pem(upper) + pem(lower))
        status, out, _ = verify(good, files=files, name="elsewhere.example")
        assert (status, out.splitlines()[0]) == (1, "refused: certificate.name_mismatch")


class TestTrust:
    def test_a_binary_store_is_as_good_as_certificates(self, verify, good, tmp_path):
        store = tmp_path / "trust.bin"
        store.write_bytes(encode(good.anchors))
        assert verify(good, trust=store)[0] == 0
        store.write_bytes(store.read_bytes()[:-1])
        status, out, err = verify(good, trust=store)
        assert (status, out) == (2, "")
        assert err == f"cannot verify like this: {store}: trust_store.truncated\n"

    def test_a_certificate_that_is_no_anchor_is_left_out_and_named(self, verify, good, tmp_path):
        files = good.write(tmp_path)
        root = files.root.read_bytes()
        garbage = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
        bundle = tmp_path / "bundle.pem"
        bundle.write_bytes(garbage + root)
        status, out, err = verify(good, trust=bundle)
        assert (status, out.splitlines()[0]) == (0, "valid")
        assert f"{bundle}: certificate 1 is left out: certificate.der." in err
        bundle.write_bytes(garbage)
        status, out, _ = verify(good, trust=bundle)
        assert (status, out.splitlines()[0]) == (1, "refused: certificate.unknown_ca")

    def test_a_certificate_in_der_will_do(self, verify, good, tmp_path):
        anchor = good.trusted_root.certificate.public_bytes(serialization.Encoding.DER)
        (tmp_path / "root.der").write_bytes(anchor)
        assert verify(good, trust=tmp_path / "root.der")[0] == 0


class TestUsage:
    @pytest.mark.parametrize(
        ("more", "complaint"),
        [
            (["--name", "-"], "--name '-' is neither"),
            (["--time", "soon"], "'soon' is neither seconds since 1970"),
            (["--pin", "abc"], "'abc' is not 64 hexadecimal digits"),
            (["--usage", "other"], "invalid choice"),
            (["--chain", "missing.pem"], "missing.pem: No such file"),
            (["--trust", "missing.pem"], "missing.pem: No such file"),
        ],
    )
    def test_a_wrong_command_line_is_explained(self, verify, good, more, complaint):
        status, out, err = verify(good, *more)
        assert (status, out) == (2, "")
        assert complaint in err

    def test_a_server_needs_a_name(self, verify, good):
        status, _, err = verify(good, name=None)
        assert status == 2
        assert "certificate.server_name" in err

    @pytest.mark.parametrize(
        ("content", "complaint"),
        [
            (b"", "holds no certificate"),
            (b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----", "certificate 1: bad"),
        ],
    )
    def test_a_file_without_certificates_is_named(self, verify, good, tmp_path, content, complaint):
        files = good.write(tmp_path)
        files.chain.write_bytes(content)
        status, out, err = verify(good, files=files)
        assert (status, out) == (2, "")
        assert f"{files.chain}: {complaint}" in err

    def test_a_certificate_that_is_no_der_is_refused_not_an_error(self, verify, good, tmp_path):
        files = good.write(tmp_path)
        files.chain.write_bytes(b"\x30\x03abc")
        status, out, _ = verify(good, files=files)
        assert status == 1
        assert out.startswith("refused: certificate.der.")
