"""Name constraints, through whole chains (RFC 5280 §4.2.1.10)."""

import ipaddress

import pytest

from tlscore.trust import anchor_from_certificate

BAD, UNSUPPORTED = 42, 43
EMAIL, DIRECTORY, URI = (0x81, b"a@b.example"), (0xA4, b"\x30\x00"), (0x86, b"x:y")


def network(text):
    """Return an iPAddress constraint."""
    parsed = ipaddress.ip_network(text)
    return parsed.network_address.packed + parsed.netmask.packed


def address(text):
    return ipaddress.ip_address(text).packed


@pytest.fixture
def constrained(forge, judge, der):
    """Function that judges a leaf with names below an intermediate with constraints."""

    def run(names, permitted=(), excluded=(), name="server.example", **options):
        leaf = forge.leaf("intermediate", None, {"names": der.names(*names, critical=True)})
        constraints = der.name_constraints(permitted, excluded)
        return judge(
            leaf, forge.authority(extensions={"constraints": constraints}), name=name, **options
        )

    return run


REFUSED = ("name_not_permitted", BAD)
EXCLUDED = ("name_excluded", BAD)


@pytest.mark.parametrize(
    ("names", "permitted", "excluded", "verdict"),
    [
        (["server.example"], ["server.example"], [], 2),
        (["server.example"], ["example"], [], 2),
        (["server.example"], ["EXAMPLE"], [], 2),
        (["server.example"], [""], [], 2),
        (["server.example"], ["other", "example"], [], 2),
        (["server.example"], ["rver.example"], [], REFUSED),
        (["server.example"], ["a.server.example"], [], REFUSED),
        (["server.example", "server.test"], ["example"], [], REFUSED),
        (["server.test", "server.example"], ["example"], [], REFUSED),
        (["server.example", "server.test"], ["example", "test"], [], 2),
        (["server.example"], [], ["server.example"], EXCLUDED),
        (["server.example"], [], ["example"], EXCLUDED),
        (["server.example"], [], [""], EXCLUDED),
        (["server.example"], [], ["a.server.example"], 2),
        (["server.example"], ["example"], ["server.example"], EXCLUDED),
        (["server.example", "*.b.test"], [], ["c.b.test"], EXCLUDED),
        (["server.example", "*.b.test"], [], ["d.c.b.test"], 2),
        (["server.example", "*.b.test"], ["example", "b.test"], [], 2),
        (["server.example", "*.b.test"], ["example", "c.b.test"], [], REFUSED),
    ],
)
def test_domain_names(constrained, names, permitted, excluded, verdict):
    assert constrained(names, permitted, excluded) == verdict


@pytest.mark.parametrize(
    ("names", "permitted", "excluded", "verdict"),
    [
        (["192.0.2.1"], ["192.0.2.0/24"], [], 2),
        (["192.0.2.1"], ["0.0.0.0/0"], [], 2),
        (["192.0.2.1"], ["192.0.2.1/32"], [], 2),
        (["192.0.2.1"], ["192.0.3.0/24"], [], REFUSED),
        (["192.0.2.1"], ["2001:db8::/32"], [], REFUSED),
        (["192.0.2.1", "192.0.3.1"], ["192.0.2.0/24"], [], REFUSED),
        (["192.0.2.1"], [], ["192.0.2.0/24"], EXCLUDED),
        (["192.0.2.1"], [], ["::/0"], 2),
        (["192.0.2.1", "2001:db8::1"], ["192.0.2.0/24", "2001:db8::/32"], [], 2),
    ],
)
def test_addresses(constrained, names, permitted, excluded, verdict):
    judged = constrained(
        [address(name) for name in names],
        [network(each) for each in permitted],
        [network(each) for each in excluded],
        name="192.0.2.1",
    )
    assert judged == verdict


def test_a_constraint_on_one_form_leaves_the_others_alone(constrained):
    assert constrained(["server.example", address("10.0.0.1")], ["example"]) == 2
    assert constrained(["server.example"], [network("10.0.0.0/8")]) == 2


@pytest.mark.parametrize(
    "base",
    ["*.example", ".example", bytes(4), bytes(7), bytes(16), b"\x0a\x00\x00\x00\xff\x00\xff\x00"],
)
def test_a_malformed_base_is_refused(constrained, base):
    assert constrained(["server.example"], [base]) == ("name_constraints_syntax", BAD)


def test_an_empty_sequence_of_constraints_is_refused(constrained):
    assert constrained(["server.example"]) == ("name_constraints_syntax", BAD)


def test_minimum_and_maximum_are_refused(forge, judge, der):
    subtree = der.sequence(der.tlv(0x82, b"example"), der.tlv(0x80, b"\x01"))
    value = der.sequence(der.tlv(0xA0, subtree))
    authority = forge.authority(extensions={"c": der.extension("2.5.29.30", value, critical=True)})
    assert judge(forge.leaf("intermediate"), authority) == ("der.unexpected_tag", BAD)


class TestOtherForms:
    def test_a_constraint_on_a_form_that_appears_cannot_be_judged(self, constrained):
        judged = constrained(["server.example", URI], [(0x86, b"b.example")])
        assert judged == ("unsupported_name_constraints", UNSUPPORTED)

    @pytest.mark.parametrize("base", [EMAIL, URI, (0xA0, b"\x06\x01\x2a")])
    def test_a_constraint_on_a_form_that_does_not_appear_is_satisfied(self, constrained, base):
        assert constrained(["server.example"], [], [base]) == 2

    def test_a_subject_is_a_directory_name(self, forge, judge, der, constrained):
        # `constrained` leaves have an empty subject, the usual ones have not.
        assert constrained(["server.example"], [DIRECTORY]) == 2
        constraints = {"constraints": der.name_constraints([DIRECTORY])}
        judged = judge(forge.leaf("intermediate"), forge.authority(extensions=constraints))
        assert judged == ("unsupported_name_constraints", UNSUPPORTED)

    def test_an_email_address_in_the_subject_is_an_email_name(self, forge, judge, der):
        attribute = der.sequence(der.oid("1.2.840.113549.1.9.1"), der.tlv(0x16, b"a@b"))
        subject = der.sequence(der.tlv(0x31, attribute))
        constraints = {"constraints": der.name_constraints([(0x81, b"b")])}
        authority = forge.authority(extensions=constraints)
        assert judge(forge.leaf("intermediate"), authority) == 2
        leaf = forge.leaf("intermediate", subject_name=subject)
        assert judge(leaf, authority) == ("unsupported_name_constraints", UNSUPPORTED)


class TestMailboxes:
    """RFC 5280 §4.2.1.10: a base is one mailbox, a host, or after a dot the hosts of a domain."""

    @pytest.mark.parametrize(
        ("mailbox", "base", "within"),
        [
            (b"a@b.example", b"a@b.example", True),
            (b"a@B.Example", b"a@b.eXample", True),
            (b"A@b.example", b"a@b.example", False),
            (b"*@b.example", b"*@b.example", True),
            (b"a@b.example", b"*@b.example", False),
            (b"a@b.example", b"b.example", True),
            (b"a@c.b.example", b"b.example", False),
            (b"a@c.b.example", b".b.example", True),
            (b"a@b.example", b".b.example", False),
            (b"a@xb.example", b".b.example", False),
            (b"a@xb.example", b"b.example", False),
        ],
    )
    def test_a_mailbox_is_within_its_base_or_not(self, constrained, mailbox, base, within):
        names = ["server.example", (0x81, mailbox)]
        assert constrained(names, [(0x81, base)]) == (2 if within else REFUSED)
        excluded = constrained(names, [], [(0x81, base)])
        assert (excluded == 2) != within

    @pytest.mark.parametrize("mailbox", [b"", b"b.example", b"@b.example"])
    def test_what_is_no_mailbox_is_refused_by_any_constraint_on_mailboxes(
        self, constrained, mailbox
    ):
        names = ["server.example", (0x81, mailbox)]
        assert constrained(names, ["server.example"]) == 2
        assert constrained(names, [(0x81, b"b.example")]) == REFUSED
        assert constrained(names, [], [(0x81, b"c.example")]) != 2


class TestPath:
    def test_names_of_intermediates_are_constrained_too(self, forge, judge, der):
        lower = forge.authority("lower", "upper", {"names": der.names("authority.test")})
        constraints = {"constraints": der.name_constraints(["example"])}
        upper = forge.authority("upper", "root", constraints)
        assert judge(forge.leaf("lower"), lower, upper) == REFUSED

    def test_names_of_self_issued_intermediates_are_not(self, forge, judge, der):
        rollover = forge.authority("same", "same", {"names": der.names("authority.test")})
        constraints = {"constraints": der.name_constraints(["example"])}
        upper = forge.authority("same", "root", constraints)
        assert judge(forge.leaf("same"), rollover, upper) == 3

    @pytest.mark.parametrize("names_first", [True, False])
    def test_an_authoritys_own_names_are_not_under_its_constraints(
        self, forge, judge, der, names_first
    ):
        extensions = [
            ("names", der.names("authority.test")),
            ("constraints", der.name_constraints(["example"])),
        ]
        ordered = dict(extensions if names_first else reversed(extensions))
        assert judge(forge.leaf("intermediate"), forge.authority(extensions=ordered)) == 2

    def test_every_authority_on_the_path_constrains(self, forge, judge, der):
        lower = forge.authority(
            "lower", "upper", {"constraints": der.name_constraints(["example"])}
        )
        upper = forge.authority(
            "upper", "root", {"constraints": der.name_constraints(["other.example"])}
        )
        assert judge(forge.leaf("lower"), lower, upper) == REFUSED

    @pytest.mark.parametrize(("base", "verdict"), [("example", 1), ("test", REFUSED)])
    def test_constraints_of_an_anchor_apply(self, forge, judge, der, base, verdict):
        constraints = {"constraints": der.name_constraints([base])}
        anchor = anchor_from_certificate(forge.authority("root", "root", constraints))
        assert judge(forge.leaf(), anchors=[anchor]) == verdict

    def test_a_certificate_passed_over_constrains_nothing(self, forge, judge, der):
        constraints = {"constraints": der.name_constraints(["test"])}
        unneeded = forge.authority("unneeded", "root", constraints)
        assert judge(forge.leaf("intermediate"), unneeded, forge.authority()) == 2


class TestRoom:
    NAMES = ["server.example", *("host-{}.example".format(number) for number in range(20))]

    def test_many_names_are_no_matter_without_constraints(self, forge, judge, der):
        assert judge(forge.leaf(extensions={"names": der.names(*self.NAMES)})) == 1

    def test_more_names_than_there_is_room_for_cannot_be_constrained(self, constrained):
        assert constrained(self.NAMES, ["example"]) == ("too_many_names", BAD)
        assert constrained(self.NAMES, ["example"], names_bytes=400) == 2

    def test_addresses_can_still_be_constrained_then(self, constrained):
        assert constrained(self.NAMES, [], [network("10.0.0.0/8")]) == 2
