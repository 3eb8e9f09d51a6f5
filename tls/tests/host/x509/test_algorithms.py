"""Every algorithm of certificates, signed by another implementation, and what is near to one."""

import hashlib

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from hil.tlsrig import keys
from tlscore.crypto import signature
from tlscore.x509 import algorithms

BAD, UNSUPPORTED = 42, 43

RSA_KEY = rsa.generate_private_key(65537, 2048)
SHA = {256: hashes.SHA256(), 384: hashes.SHA384(), 512: hashes.SHA512()}
RSA_OIDS = {
    256: "1.2.840.113549.1.1.11",
    384: "1.2.840.113549.1.1.12",
    512: "1.2.840.113549.1.1.13",
}
ECDSA_OIDS = {256: "1.2.840.10045.4.3.2", 384: "1.2.840.10045.4.3.3", 512: "1.2.840.10045.4.3.4"}
HASH_OIDS = {
    160: "1.3.14.3.2.26",
    256: "2.16.840.1.101.3.4.2.1",
    384: "2.16.840.1.101.3.4.2.2",
    512: "2.16.840.1.101.3.4.2.3",
}
PSS = "1.2.840.113549.1.1.10"
MGF1 = "1.2.840.113549.1.1.8"


def pss_padding(size, salt_bytes=None):
    return padding.PSS(padding.MGF1(SHA[size]), size // 8 if salt_bytes is None else salt_bytes)


@pytest.fixture
def judged_by(der, forge, judge):
    """Function: the verdict on a leaf with an algorithm, its issuer's key, and how it signs."""

    def run(algorithm, key, sign, **fields):
        # The usual name of a root, with the anchor's key replaced.
        name_hash = hashlib.sha256(der.name("root")).digest()
        leaf = forge.leaf(
            inner_algorithm=algorithm,
            outer_algorithm=algorithm,
            signature=lambda tbs, _ecdsa: sign(tbs),
            **fields,
        )
        return judge(leaf, anchors=[(name_hash, keys.public_tuple(key))])

    return run


@pytest.fixture
def pss_identifier(der):
    """Function: an AlgorithmIdentifier of RSASSA-PSS."""

    def make(size, salt_bytes=None, null=b"\x05\x00", mgf_size=None, trailer=b""):
        hashing = der.sequence(der.oid(HASH_OIDS[size]), null)
        mask_hashing = der.sequence(der.oid(HASH_OIDS[mgf_size or size]), null)
        return der.sequence(
            der.oid(PSS),
            der.sequence(
                der.tlv(0xA0, hashing),
                der.tlv(0xA1, der.sequence(der.oid(MGF1), mask_hashing)),
                der.tlv(0xA2, der.integer(size // 8 if salt_bytes is None else salt_bytes)),
                trailer,
            ),
        )

    return make


class TestRsa:
    @pytest.mark.parametrize("size", SHA)
    @pytest.mark.parametrize("null", [b"\x05\x00", b""])
    def test_pkcs1_signatures_verify_with_parameters_null_or_absent(
        self, judged_by, der, size, null
    ):
        algorithm = der.sequence(der.oid(RSA_OIDS[size]), null)
        sign = lambda tbs: RSA_KEY.sign(tbs, padding.PKCS1v15(), SHA[size])  # noqa: E731
        assert judged_by(algorithm, RSA_KEY, sign) == 1

    @pytest.mark.parametrize("size", SHA)
    @pytest.mark.parametrize("null", [b"\x05\x00", b""])
    def test_pss_signatures_verify_with_the_parameters_of_tls(
        self, judged_by, pss_identifier, size, null
    ):
        sign = lambda tbs: RSA_KEY.sign(tbs, pss_padding(size), SHA[size])  # noqa: E731
        assert judged_by(pss_identifier(size, null=null), RSA_KEY, sign) == 1

    @pytest.mark.parametrize(
        "changed",
        [{"salt_bytes": 20}, {"mgf_size": 384}, {"trailer": b"\xa3\x03\x02\x01\x01"}],
    )
    def test_other_pss_parameters_are_not_supported(self, judged_by, pss_identifier, changed):
        salt_bytes = changed.get("salt_bytes")
        sign = lambda tbs: RSA_KEY.sign(tbs, pss_padding(256, salt_bytes), SHA[256])  # noqa: E731
        verdict = judged_by(pss_identifier(256, **changed), RSA_KEY, sign)
        assert verdict == ("unsupported_signature_algorithm", UNSUPPORTED)

    def test_the_default_pss_parameters_mean_sha1_and_are_not_supported(self, judged_by, der):
        algorithm = der.sequence(der.oid(PSS), der.sequence())
        verdict = judged_by(algorithm, RSA_KEY, lambda _tbs: bytes(256))
        assert verdict == ("unsupported_signature_algorithm", UNSUPPORTED)

    def test_a_salt_of_another_length_than_announced_is_refused(self, judged_by, pss_identifier):
        sign = lambda tbs: RSA_KEY.sign(tbs, pss_padding(256, 20), SHA[256])  # noqa: E731
        assert judged_by(pss_identifier(256), RSA_KEY, sign) == ("bad_signature", BAD)

    def test_a_pkcs1_signature_is_no_pss_signature(self, judged_by, pss_identifier, der):
        sign = lambda tbs: RSA_KEY.sign(tbs, padding.PKCS1v15(), SHA[256])  # noqa: E731
        assert judged_by(pss_identifier(256), RSA_KEY, sign) == ("bad_signature", BAD)
        sign = lambda tbs: RSA_KEY.sign(tbs, pss_padding(256), SHA[256])  # noqa: E731
        algorithm = der.sequence(der.oid(RSA_OIDS[256]), b"\x05\x00")
        assert judged_by(algorithm, RSA_KEY, sign) == ("bad_signature", BAD)

    @pytest.mark.parametrize("bits", [2048, 3072, 4096])
    def test_keys_of_all_supported_sizes_are_read(self, forge, der, bits):
        key = RSA_KEY if bits == 2048 else rsa.generate_private_key(65537, bits)
        assert algorithms.public_key(rsa_row(), pkcs1(key)) == keys.public_tuple(key)

    @pytest.mark.parametrize("bits", [1024, 2040, 2047, 2050, 4104, 8192])
    def test_keys_of_other_sizes_are_refused(self, forge, judge, der, bits):
        # No real key is needed: its size is looked at before anything is verified with it.
        modulus = (1 << (bits - 1)) + 1
        contents = der.sequence(der.integer(modulus), der.integer(65537))
        verdict = judge(forge.leaf(public_key=rsa_info(der, contents)))
        assert verdict == (("key_size" if bits <= 4104 else "der.too_long"), BAD)

    @pytest.mark.parametrize("exponent", [1, 2, 65536, (1 << 32) + 1])
    def test_an_exponent_that_is_even_or_one_or_beyond_32_bits_is_refused(
        self, forge, judge, der, exponent
    ):
        numbers = RSA_KEY.public_key().public_numbers()
        contents = der.sequence(der.integer(numbers.n), der.integer(exponent))
        assert judge(forge.leaf(public_key=rsa_info(der, contents)))[1] == BAD

    def test_a_key_without_the_parameter_null_is_not_supported(self, forge, judge, der):
        algorithm = der.sequence(der.oid("1.2.840.113549.1.1.1"))
        public_key = der.sequence(algorithm, der.tlv(3, b"\x00" + pkcs1(RSA_KEY)))
        verdict = judge(forge.leaf(public_key=public_key))
        assert verdict == ("unsupported_key", UNSUPPORTED)

    def test_a_key_that_is_no_der_is_refused(self, forge, judge, der):
        damaged = pkcs1(RSA_KEY)[:-1]
        assert judge(forge.leaf(public_key=rsa_info(der, damaged))) == ("key_format", BAD)


class TestEcdsa:
    @pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1()])
    @pytest.mark.parametrize("size", [256, 384])
    def test_any_curve_signs_with_any_hash(self, judged_by, der, curve, size):
        key = ec.generate_private_key(curve)
        algorithm = der.sequence(der.oid(ECDSA_OIDS[size]))
        assert judged_by(algorithm, key, lambda tbs: key.sign(tbs, ec.ECDSA(SHA[size]))) == 1

    def test_parameters_are_not_allowed(self, judged_by, der):
        key = ec.generate_private_key(ec.SECP256R1())
        algorithm = der.sequence(der.oid(ECDSA_OIDS[256]), b"\x05\x00")
        verdict = judged_by(algorithm, key, lambda tbs: key.sign(tbs, ec.ECDSA(SHA[256])))
        assert verdict == ("unsupported_signature_algorithm", UNSUPPORTED)

    def test_the_hash_of_the_identifier_is_the_one_that_counts(self, judged_by, der):
        key = ec.generate_private_key(ec.SECP384R1())
        algorithm = der.sequence(der.oid(ECDSA_OIDS[256]))
        verdict = judged_by(algorithm, key, lambda tbs: key.sign(tbs, ec.ECDSA(SHA[384])))
        assert verdict == ("bad_signature", BAD)


class TestEd25519:
    KEY = ed25519.Ed25519PrivateKey.generate()

    def test_the_certificate_itself_is_signed(self, judged_by, der):
        algorithm = der.sequence(der.oid("1.3.101.112"))
        assert judged_by(algorithm, self.KEY, self.KEY.sign) == 1

    def test_a_signature_over_its_hash_is_refused(self, judged_by, der):
        algorithm = der.sequence(der.oid("1.3.101.112"))
        sign = lambda tbs: self.KEY.sign(hashlib.sha256(tbs).digest())  # noqa: E731
        assert judged_by(algorithm, self.KEY, sign) == ("bad_signature", BAD)

    def test_what_must_be_held_as_a_whole_has_a_limit(self, judged_by, der, forge):
        algorithm = der.sequence(der.oid("1.3.101.112"))
        for padding_bytes, verdict in ((3000, 1), (4096, ("too_long", BAD))):
            padded = der.tlv(
                0xA3,
                der.sequence(
                    der.names("server.example"),
                    der.extension("1.2.3.4", bytes(padding_bytes)),
                ),
            )
            judged = judged_by(algorithm, self.KEY, self.KEY.sign, extension_list=padded)
            assert judged == verdict


class TestKindsOfKeys:
    def test_a_key_of_another_kind_than_the_algorithm_verifies_nothing(self, judged_by, der):
        key = ec.generate_private_key(ec.SECP256R1())
        algorithm = der.sequence(der.oid(RSA_OIDS[256]), b"\x05\x00")
        verdict = judged_by(algorithm, key, lambda tbs: key.sign(tbs, ec.ECDSA(SHA[256])))
        assert verdict == ("bad_signature", BAD)

    def test_the_numbers_in_the_rows_are_those_of_the_signatures(self):
        kinds = {row[1] for row in algorithms._KEYS}
        assert kinds == {
            signature.KEY_EC_P256,
            signature.KEY_EC_P384,
            signature.KEY_ED25519,
            signature.KEY_RSA,
        }
        assert {row[1] for row in algorithms._SIGNATURES} == set(signature.schemes())

    def test_a_primitive_the_image_leaves_out_is_not_offered(self, forge, judge, monkeypatch):
        key = ec.generate_private_key(ec.SECP384R1())
        info = keys.public_info(key)
        assert judge(forge.leaf("intermediate"), forge.authority(public_key=info)) == (
            "bad_signature",
            BAD,
        )
        monkeypatch.setattr(algorithms, "installed", lambda module: module != "p384")
        chain = forge.leaf("intermediate"), forge.authority(public_key=info)
        assert judge(*chain) == ("unsupported_key", UNSUPPORTED)


def rsa_row():
    return next(row for row in algorithms._KEYS if row[1] == signature.KEY_RSA)


def pkcs1(key):
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.PKCS1
    )


def rsa_info(der, contents):
    """Return a SubjectPublicKeyInfo of rsaEncryption."""
    algorithm = der.sequence(der.oid("1.2.840.113549.1.1.1"), b"\x05\x00")
    return der.sequence(algorithm, der.tlv(3, b"\x00" + contents))
