"""The fields and extensions of one certificate: whatever RFC 5280 forbids, by its exact reason."""

import pytest

BAD, UNSUPPORTED = 42, 43
CRITICAL = True
POLICIES = "2.5.29.32"


@pytest.fixture
def refusal(forge, judge):
    """Function that judges a leaf with changed fields."""

    def run(extensions=None, **fields):
        return judge(forge.leaf(extensions=extensions, **fields))

    return run


@pytest.mark.parametrize("number", [0, 1, 3])
def test_only_version_3_is_read(refusal, der, number):
    assert refusal(version=der.tlv(0xA0, der.integer(number))) == ("version", UNSUPPORTED)


def test_a_certificate_without_version_is_of_version_1(refusal):
    assert refusal(version=b"") == ("version", UNSUPPORTED)


class TestSerial:
    @pytest.mark.parametrize("number", [1, 127, 128, (1 << 159) - 1, 1 << 159, (1 << 160) - 1])
    def test_up_to_20_octets_are_accepted(self, refusal, der, number):
        assert refusal(serial=der.integer(number)) == 1

    @pytest.mark.parametrize("number", [0, -1, -128])
    def test_zero_and_negative_numbers_are_refused(self, refusal, der, number):
        assert refusal(serial=der.integer(number)) == ("serial", BAD)

    def test_more_than_20_octets_are_refused(self, refusal, der):
        assert refusal(serial=der.integer(1 << 160)) == ("serial", BAD)
        assert refusal(serial=der.integer(1 << 170)) == ("der.too_long", BAD)

    def test_a_longer_form_than_needed_is_refused(self, refusal, der):
        assert refusal(serial=der.tlv(0x02, b"\x00\x01")) == ("serial", BAD)


class TestAlgorithms:
    def test_inner_and_outer_algorithm_must_be_the_same(self, refusal, der):
        other = der.sequence(der.oid("1.2.840.10045.4.3.3"))
        assert refusal(outer_algorithm=other) == ("algorithm_mismatch", BAD)

    def test_parameters_where_none_belong_make_another_algorithm(self, refusal, der):
        algorithm = der.sequence(der.oid("1.2.840.10045.4.3.2"), der.tlv(0x05))
        judged = refusal(inner_algorithm=algorithm, outer_algorithm=algorithm)
        assert judged == ("unsupported_signature_algorithm", UNSUPPORTED)

    @pytest.mark.parametrize("unused", [b"\x01", b"\x08"])
    def test_a_signature_that_is_no_octets_is_refused(self, refusal, unused):
        assert refusal(unused_bits=unused) == ("der.bit_string", BAD)


class TestNames:
    def test_an_empty_issuer_is_refused(self, forge, judge):
        assert judge(forge.leaf(issuer=None)) == ("empty_issuer", BAD)

    def test_an_empty_subject_needs_critical_names(self, forge, judge, der):
        assert judge(forge.leaf(subject=None)) == ("empty_subject", BAD)
        names = der.names("server.example", critical=True)
        assert judge(forge.leaf(subject=None, extensions={"names": names})) == 1

    def test_an_attribute_without_value_is_refused(self, refusal, der):
        name = der.sequence(der.tlv(0x31, der.sequence(der.oid("2.5.4.3"))))
        assert refusal(subject_name=name) == ("der.missing_element", BAD)

    def test_an_empty_relative_name_is_refused(self, refusal, der):
        assert refusal(subject_name=der.sequence(der.tlv(0x31))) == ("der.missing_element", BAD)

    def test_several_attributes_in_one_relative_name_are_accepted(self, refusal, der):
        attributes = [
            der.sequence(der.oid(each), der.tlv(0x13, b"x")) for each in ("2.5.4.3", "2.5.4.10")
        ]
        assert refusal(subject_name=der.sequence(der.tlv(0x31, *attributes))) == 1


class TestValidity:
    @pytest.mark.parametrize(
        "text",
        ["20250101000000Z", "2501010000Z", "250101000060Z", "250229000000Z", "20500101000000.5Z"],
    )
    def test_other_forms_of_time_are_refused(self, refusal, der, text):
        tag = 0x18 if len(text) > 13 else 0x17
        validity = der.sequence(der.tlv(tag, text.encode()), der.time("270101000000Z"))
        assert refusal(validity=validity)[0] in ("der.time", "der.too_long")

    def test_a_single_time_is_refused(self, refusal, der):
        validity = der.sequence(der.time("250101000000Z"))
        assert refusal(validity=validity) == ("der.missing_element", BAD)


class TestPublicKey:
    def key(self, der, algorithm, contents):
        return der.sequence(der.sequence(*algorithm), der.tlv(0x03, contents))

    @pytest.fixture
    def p256(self, der):
        return der.oid("1.2.840.10045.2.1"), der.oid("1.2.840.10045.3.1.7")

    def test_a_compressed_point_is_refused(self, refusal, der, forge, p256):
        point = b"\x00\x02" + forge.point("server.example")[1:33]
        assert refusal(public_key=self.key(der, p256, point)) == ("key_format", BAD)

    @pytest.mark.parametrize("contents", [b"\x00", b"", b"\x01\x04" + bytes(64)])
    def test_a_key_that_is_no_octets_is_refused(self, refusal, der, p256, contents):
        assert refusal(public_key=self.key(der, p256, contents)) == ("der.bit_string", BAD)

    def test_another_curve_is_refused(self, refusal, der):
        algorithm = der.oid("1.2.840.10045.2.1"), der.oid("1.3.132.0.35")
        key = self.key(der, algorithm, b"\x00\x04" + bytes(132))
        assert refusal(public_key=key) == ("unsupported_key", UNSUPPORTED)

    def test_a_key_of_another_kind_and_any_length_is_refused(self, refusal, der):
        algorithm = (der.oid("1.2.840.10040.4.1"),)
        key = self.key(der, algorithm, b"\x00" + bytes(600))
        assert refusal(public_key=key) == ("unsupported_key", UNSUPPORTED)


class TestExtensions:
    def test_unique_identifiers_are_passed_over(self, refusal, der):
        identifiers = der.tlv(0x81, b"\x00\x01") + der.tlv(0x82, b"\x00\x02")
        assert refusal(unique_identifiers=identifiers) == 1

    def test_an_empty_list_is_refused(self, refusal, der):
        empty = der.tlv(0xA3, der.sequence())
        assert refusal(extension_list=empty) == ("der.missing_element", BAD)

    @pytest.mark.parametrize("identifier", ["1.2.3.4", "2.5.29.36", "2.5.29.54", "2.5.29.14"])
    def test_an_unknown_critical_extension_is_refused(self, refusal, der, identifier):
        extension = der.extension(identifier, b"anything", critical=True)
        assert refusal({"new": extension}) == ("unknown_critical_extension", UNSUPPORTED)

    def test_an_unknown_extension_is_passed_over_with_whatever_it_holds(self, refusal, der):
        assert refusal({"new": der.extension("1.2.3.4", b"\xff" * 1000)}) == 1

    def test_critical_policies_are_accepted(self, refusal, der):
        value = der.sequence(der.sequence(der.oid("1.2.3")))
        assert refusal({"policies": der.extension(POLICIES, value, critical=True)}) == 1

    @pytest.mark.parametrize("identifier", ["2.5.29.15", "2.5.29.14", "1.2.3.4"])
    def test_the_same_extension_twice_is_refused(self, refusal, der, identifier):
        value = der.tlv(0x03, b"\x07\x80")
        twice = {
            "key_usage": der.extension(identifier, value),
            "again": der.extension(identifier, value),
        }
        assert refusal(twice) == ("duplicate_extension", BAD)

    def test_many_different_unknown_extensions_are_refused(self, refusal, der):
        unknown = {n: der.extension("1.2.3.{}".format(n), b"") for n in range(40)}
        assert refusal(unknown) == ("too_many_extensions", BAD)

    @pytest.mark.parametrize("flag", [b"\x00", b"\x01", b"", b"\xff\xff"])
    def test_critical_is_true_or_absent(self, refusal, der, flag):
        extension = der.sequence(der.oid("1.2.3"), der.tlv(0x01, flag), der.tlv(0x04))
        assert refusal({"new": extension})[0] in ("der.boolean", "der.too_long")

    def test_a_value_with_trailing_bytes_is_refused(self, refusal, der):
        extension = der.extension("2.5.29.37", der.sequence(der.oid("1.3.6.1.5.5.7.3.1")), b"\x00")
        assert refusal({"purposes": extension})[0].startswith("der.")

    def test_an_empty_value_is_refused(self, refusal, der):
        assert refusal({"purposes": der.extension("2.5.29.37")}) == ("der.missing_element", BAD)


class TestBasicConstraints:
    @pytest.mark.parametrize("flag", [b"\x00", b"\x01"])
    def test_ca_is_true_or_absent(self, refusal, der, flag):
        extension = der.basic_constraints(der.tlv(0x01, flag))
        assert refusal({"constraints": extension}) == ("der.boolean", BAD)

    @pytest.mark.parametrize("number", [b"\xff", b"\x00\x01", b""])
    def test_a_path_length_is_an_integer_of_0_or_more(self, forge, judge, der, number):
        fields = der.tlv(0x01, b"\xff"), der.tlv(0x02, number)
        authority = forge.authority(
            extensions={"basic_constraints": der.basic_constraints(*fields)}
        )
        assert judge(forge.leaf("intermediate"), authority) == ("der.integer", BAD)

    def test_a_path_length_needs_an_authority(self, refusal, der):
        extension = der.basic_constraints(is_ca=False, path_length=0)
        assert refusal({"constraints": extension}) == ("path_length_without_ca", BAD)

    def test_a_path_length_needs_the_usage_to_sign_certificates(self, refusal, der):
        extension = der.basic_constraints(path_length=0)
        assert refusal({"constraints": extension}) == ("path_length_without_ca", BAD)

    def test_an_authority_may_be_a_server(self, refusal, der):
        assert refusal({"constraints": der.basic_constraints()}) == 1


class TestKeyUsage:
    @pytest.mark.parametrize(
        "bits", [b"", b"\x00", b"\x07\x00", b"\x00\x80", b"\x07\x81", b"\x08\x80"]
    )
    def test_other_forms_of_named_bits_are_refused(self, refusal, der, bits):
        assert refusal({"key_usage": der.key_usage(bits)}) == ("der.bit_string", BAD)

    def test_signing_certificates_needs_an_authority(self, refusal, der):
        extension = der.key_usage(b"\x02\x84")
        assert refusal({"key_usage": extension}) == ("key_cert_sign_without_ca", BAD)

    def test_nine_bits_are_read(self, refusal, der):
        assert refusal({"key_usage": der.key_usage(b"\x07\x80\x80")}) == 1


class TestSubjectAltName:
    def test_an_empty_list_is_refused(self, refusal, der):
        assert refusal({"names": der.names()}) == ("der.missing_element", BAD)

    @pytest.mark.parametrize("size", [0, 3, 5, 8, 15, 17])
    def test_an_address_of_another_length_is_refused(self, refusal, der, size):
        names = der.names("server.example", bytes(size))
        assert refusal({"names": names}) == ("address_length", BAD)

    @pytest.mark.parametrize("name", [b"\xc3\xa4.example", b"a\x00b", b"a b"])
    def test_a_domain_name_of_other_characters_is_refused(self, refusal, der, name):
        names = der.names("server.example", (0x82, name))
        assert refusal({"names": names}) == ("der.ia5_string", BAD)

    def test_a_name_longer_than_any_domain_is_refused(self, refusal, der):
        names = der.names("server.example", "x" * 255)
        assert refusal({"names": names}) == ("der.too_long", BAD)

    def test_other_forms_of_names_are_passed_over(self, refusal, der):
        others = [(0xA0, b"?"), (0x81, b"?"), (0xA3, b"?"), (0xA4, b"?"), (0xA5, b"?")]
        others += [(0x86, b"?" * 500), (0x88, b"?")]
        assert refusal({"names": der.names(*others, "server.example")}) == 1

    def test_a_tenth_form_of_name_is_refused(self, refusal, der):
        names = der.names("server.example", (0x89, b"?"))
        assert refusal({"names": names}) == ("der.unexpected_tag", BAD)


def test_name_constraints_need_an_authority(refusal, der):
    constraints = der.name_constraints(["example"])
    assert refusal({"constraints": constraints}) == ("name_constraints_without_ca", BAD)


def test_a_purpose_list_must_not_be_empty(refusal, der):
    assert refusal({"purposes": der.purposes()}) == ("der.missing_element", BAD)
