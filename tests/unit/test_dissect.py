"""The grammar: every byte of what it reads is in exactly one leaf, whatever the bytes are."""

from __future__ import annotations

import pytest
from cryptography import x509

from hil.tlsrig import pki
from hil.tlsrig.dissect.certificate import certificate, public_key_info
from hil.tlsrig.dissect.grammar import Cursor, Field, bounded, counted, number, rest, vector
from hil.tlsrig.dissect.messages import message

NOW = 1_768_478_400
CODE = number("code", 1, names={1: "one"})
LIST = vector("list", 2, CODE)


def joined(field: Field) -> bytes:
    return b"".join(leaf.data for leaf in field.leaves())


def test_parts_that_are_not_the_bytes_of_their_field_are_refused() -> None:
    with pytest.raises(ValueError, match="parts of whole"):
        Field("whole", b"ab", parts=(Field("part", b"a"),))


def test_a_vector_names_its_length_and_its_items() -> None:
    field = bounded(LIST, bytes.fromhex("00020107"))
    assert [part.name for part in field.parts] == ["length", "code", "code"]
    assert field.value == "one (1), unlisted (7)"
    assert field.codes("code") == [1, 7]


@pytest.mark.parametrize("data", ["", "00", "0005", "00050102"])
def test_bytes_that_end_too_early_are_shown_and_said_to(data: str) -> None:
    field = bounded(LIST, bytes.fromhex(data))
    assert field.kind == "unknown"
    assert joined(field) == bytes.fromhex(data)


def test_bytes_that_are_too_many_are_a_field_of_their_own() -> None:
    field = bounded(LIST, bytes.fromhex("000101ffff"))
    assert field.parts[-1].name == "surplus"
    assert joined(field) == bytes.fromhex("000101ffff")


def test_a_broken_inner_field_leaves_its_neighbours_named() -> None:
    outer = counted("outer", 1, LIST)
    field = bounded(outer, bytes.fromhex("03000901"))
    assert [part.kind for part in field.parts] == ["length", "unknown"]


def test_an_empty_counted_field_is_only_its_length() -> None:
    assert [part.name for part in bounded(counted("x", 1, rest("inner")), b"\0").parts] == [
        "length"
    ]


def test_grease_is_called_by_its_name() -> None:
    assert bounded(number("group", 2, names={}), b"\x1a\x1a").value == "GREASE (0x1a1a)"


@pytest.mark.parametrize("variant", ["valid", "rsa-pss", "p384", "ed25519", "large", "mixed"])
def test_every_byte_of_a_certificate_is_named(variant: str) -> None:
    chain = pki.make_chain(NOW, pki.plan_of(variant))
    for der in chain.sent:
        field = bounded(certificate, der)
        assert joined(field) == der
        assert [leaf for leaf in field.leaves() if leaf.kind == "unknown"] == []
        issuer = x509.load_der_x509_certificate(der).issuer
        common_name = issuer.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
        named = field.first("issuer")
        assert named is not None
        assert named.value.endswith(f"CN={common_name}")


def test_what_a_certificate_says_is_shown_in_words() -> None:
    plan = pki.Plan(server_names=("localhost", "127.0.0.1"))
    field = bounded(certificate, pki.make_chain(NOW, plan).leaf)
    said = {name: field.first(name) for name in ("dNSName", "iPAddress", "validity", "keyUsage")}
    assert {name: part.value for name, part in said.items() if part} == {
        "dNSName": "localhost",
        "iPAddress": "127.0.0.1",
        "validity": "2026-01-14 12:00:00 UTC to 2026-02-14 12:00:00 UTC",
        "keyUsage": "digitalSignature",
    }


def test_a_raw_public_key_is_named_too() -> None:
    key = pki.make_chain(NOW).raw_public_key
    field = bounded(public_key_info, key)
    assert joined(field) == key
    assert field.first("publicKey") is not None


def test_a_certificate_that_is_cut_off_keeps_its_bytes() -> None:
    der = pki.make_chain(NOW).leaf
    for size in (0, 1, 3, 40, len(der) - 1):
        field = bounded(certificate, der[:size])
        assert joined(field) == der[:size]
        assert field.kind == "unknown"


@pytest.mark.parametrize(
    ("data", "name", "value"),
    [
        ("1800000101", "request_update", "update_requested (1)"),
        ("05000000", "msg_type", "end_of_early_data (5)"),
        ("08000008000600100004000201", "protocol_name_list", ""),
        ("0800000c000a001000080006026832026833", "protocol_name_list", "h2, h3"),
        ("0d000010000000 0d 002b00020304002d00020101".replace(" ", ""), "extensions", ""),
    ],
)
def test_messages_are_read_to_their_last_field(data: str, name: str, value: str) -> None:
    field = message(bytes.fromhex(data))
    assert joined(field) == bytes.fromhex(data)
    found = field.first(name)
    if found is not None:
        assert found.value == value


def test_a_cursor_counts_what_is_left() -> None:
    cursor = Cursor(b"abc")
    assert (cursor.take(2), cursor.left, cursor.rest(), cursor.left) == (b"ab", 1, b"c", 0)
