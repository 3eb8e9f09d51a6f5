"""Handshake messages of TLS 1.2 whose form depends on the suite, made a summary."""

from __future__ import annotations

import pytest

from hil.tlsrig.message_log import summarize

POINT = b"\x20" + bytes(32)


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def server_hello(suite: int) -> bytes:
    return message(2, b"\x03\x03" + bytes(32) + b"\0" + suite.to_bytes(2, "big") + b"\0")


def read(suite: int, key_exchange: bytes) -> tuple[int | None, int | None]:
    messages = [server_hello(suite), message(12, key_exchange)]
    seen = summarize((True, "Handshake", data) for data in messages)
    assert (seen.version, seen.suite) == (0x0303, suite)
    return seen.group, seen.signature


@pytest.mark.parametrize("hint", [b"", b"who are you?"])
def test_with_external_keys_a_hint_comes_first_and_nothing_is_signed(hint: bytes) -> None:
    hinted = len(hint).to_bytes(2, "big") + hint
    assert read(0xCCAC, hinted + b"\x03\x00\x1d" + POINT) == (0x001D, None)
    assert read(0xC0A8, hinted) == (None, None)


def test_with_certificates_group_and_signature_are_told() -> None:
    signed = b"\x03\x00\x17" + POINT + b"\x08\x04" + bytes(4)
    assert read(0xC02F, signed) == (0x0017, 0x0804)
