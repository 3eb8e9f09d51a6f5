"""Key logs: parsing, and derivations held against RFC 8448 §3 (simple 1-RTT handshake)."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from hil.errors import PeerError
from hil.tlsrig import keylog

# RFC 8448 §3, "derive secret tls13 s hs traffic" and the write keys derived from it.
SERVER_HANDSHAKE_SECRET = bytes.fromhex(
    "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38"
)
SERVER_HANDSHAKE_KEY = bytes.fromhex("3fce516009c21727d0f2e4e86ee403bc")
SERVER_HANDSHAKE_IV = bytes.fromhex("5d313eb2671276ee13000b30")
AES_128_GCM = 0x1301

LOG = "# comment\n\nEXPORTER_SECRET 0a 0b0c\nEXPORTER_SECRET 0d 0e\nSERVER_X 0a ff\n"


def test_expand_label_agrees_with_rfc_8448() -> None:
    for label, value in (("key", SERVER_HANDSHAKE_KEY), ("iv", SERVER_HANDSHAKE_IV)):
        found = keylog.expand_label("sha256", SERVER_HANDSHAKE_SECRET, label, b"", len(value))
        assert found == value


def test_expand_label_longer_than_one_hash_continues_the_output() -> None:
    long = keylog.expand_label("sha256", SERVER_HANDSHAKE_SECRET, "key", b"", 80)
    assert len(long) == 80
    assert len({long[:32], long[32:64], long[64:]}) == 3


@pytest.mark.parametrize("suite", [0x1301, 0x1302, 0x1303, 0x1304, 0x1305])
def test_a_sealed_record_opens_only_with_its_own_sequence_number(suite: int) -> None:
    keys = keylog.RecordKeys(suite, SERVER_HANDSHAKE_SECRET)
    header = bytes.fromhex("1703030016")
    body = keys.seal(7, header, b"hello\x16")
    assert keys.open(7, header, body) == b"hello\x16"
    with pytest.raises(InvalidTag):
        keys.open(8, header, body)


def test_an_unknown_suite_is_named() -> None:
    with pytest.raises(PeerError, match="suite 0x1306"):
        keylog.RecordKeys(0x1306, SERVER_HANDSHAKE_SECRET)


def test_comments_and_blank_lines_are_skipped() -> None:
    assert [line.label for line in keylog.parse(LOG)] == [
        "EXPORTER_SECRET",
        "EXPORTER_SECRET",
        "SERVER_X",
    ]


def test_a_line_still_being_written_is_left_out() -> None:
    assert len(keylog.parse(LOG.removesuffix("\n"))) == 2


def test_a_garbled_line_is_named() -> None:
    with pytest.raises(PeerError, match="line 2"):
        keylog.parse("A 00 11\nB 00\n")


def test_encoding_a_line_gives_back_what_was_parsed() -> None:
    assert [line.encode() for line in keylog.parse("A 0a ff\n")] == ["A 0a ff"]


def test_the_newest_secret_of_a_connection_is_found(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert keylog.find(log, "EXPORTER_SECRET") is None
    log.write_text(LOG)
    assert keylog.find(log, "EXPORTER_SECRET") == b"\x0e"
    assert keylog.find(log, "EXPORTER_SECRET", b"\x0a") == b"\x0b\x0c"
    assert keylog.find(log, "EXPORTER_SECRET", b"\x0f") is None
