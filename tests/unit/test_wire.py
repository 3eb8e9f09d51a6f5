"""Records and ServerHello, as the host side of the rig reads them."""

from __future__ import annotations

import pytest

from hil.tlsrig import wire

# RFC 8448 §3: the ServerHello of the simple 1-RTT handshake.
SERVER_HELLO = bytes.fromhex(
    "020000560303a6af06a4121860dc5e6e60249cd34c95930c8ac5cb1434dac155772ed3e26928"
    "00130100002e00330024001d0020c9828876112095fe66762bdbf7c672e156d6cc253b833df1"
    "dd69b1b04e751f0f002b00020304"
)
RECORDS = bytes.fromhex("1603030002aabb" + "1403030001" + "01" + "1703030000")


@pytest.mark.parametrize("piece", [1, 2, 3, 5, 7, len(RECORDS)])
def test_records_come_out_whole_whatever_pieces_go_in(piece: int) -> None:
    splitter = wire.RecordSplitter()
    found = []
    for start in range(0, len(RECORDS), piece):
        found += splitter.push(RECORDS[start : start + piece])
    assert [record.content_type for record in found] == [22, 20, 23]
    assert b"".join(record.encode() for record in found) == RECORDS
    assert splitter.pending == b""


def test_an_unfinished_record_is_kept() -> None:
    splitter = wire.RecordSplitter()
    assert list(splitter.push(b"\x16\x03\x03\x00\x02\xaa")) == []
    assert splitter.pending == b"\x16\x03\x03\x00\x02\xaa"


@pytest.mark.parametrize("header", ["1303030001", "5353482d32", "160303ffff"])
def test_bytes_that_are_no_record_are_named(header: str) -> None:
    with pytest.raises(wire.NotTlsError, match=header):
        list(wire.RecordSplitter().push(bytes.fromhex(header)))


def test_server_hello_of_rfc_8448_is_read() -> None:
    assert wire.server_hello(SERVER_HELLO) == wire.ServerHello(0x0304, 0x1301, 0x001D, False)


def test_hello_retry_request_is_told_by_its_random() -> None:
    retry = SERVER_HELLO[:6] + wire.HELLO_RETRY_RANDOM + SERVER_HELLO[38:]
    assert wire.server_hello(retry).is_retry


@pytest.mark.parametrize("length", range(len(SERVER_HELLO)))
def test_a_server_hello_cut_anywhere_is_refused(length: int) -> None:
    if length == 42:  # exactly before the extensions: a TLS 1.2 ServerHello may end there
        assert wire.server_hello(SERVER_HELLO[:length]).version == 0x0303
        return
    with pytest.raises(wire.NotTlsError):
        wire.server_hello(SERVER_HELLO[:length])


def test_another_message_is_refused() -> None:
    with pytest.raises(wire.NotTlsError, match="handshake type 01"):
        wire.server_hello(b"\x01" + SERVER_HELLO[1:])
