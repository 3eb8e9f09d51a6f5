"""What DTLS 1.2 says in the clear is put together: messages, and what a peer would export."""

from __future__ import annotations

import hmac
from pathlib import Path

from hil.link import BOARD_TO_PEER, PEER_TO_BOARD, Chunk
from hil.tlsrig import datagram_messages, datagram_secrets
from hil.tlsrig.gnutls import over_udp
from hil.tlsrig.message_log import summarize
from hil.tlsrig.statement import Statement

CLIENT_RANDOM, SERVER_RANDOM = bytes(range(32)), bytes(range(100, 132))
SUITE = "TLS_PSK_WITH_AES_128_CCM_8"
# Version, random, no session id, the suite, no compression, no extensions.
SERVER_HELLO = b"\xfe\xfd" + SERVER_RANDOM + b"\x00" + b"\xc0\xa8" + b"\x00" + b"\x00\x00"
CLIENT_HELLO = b"\xfe\xfd" + CLIENT_RANDOM + b"\x00\x00" + b"\x00\x02\xc0\xa8" + b"\x01\x00"


def fragment(kind: int, body: bytes, start: int = 0, end: int | None = None) -> bytes:
    """Return a record with a fragment of a message with number 1 (RFC 6347 §4.2.2)."""
    piece = body[start:end]
    head = bytes([kind]) + len(body).to_bytes(3, "big") + b"\x00\x01"
    message = head + start.to_bytes(3, "big") + len(piece).to_bytes(3, "big") + piece
    record = b"\x16\xfe\xfd" + bytes(8)
    return record + len(message).to_bytes(2, "big") + message


def test_fragments_in_any_order_overlapping_and_repeated_make_one_message() -> None:
    pieces = [
        fragment(2, SERVER_HELLO, 20),
        fragment(2, SERVER_HELLO, 0, 10),
        fragment(2, SERVER_HELLO, 5, 25),
        fragment(2, SERVER_HELLO, 0, 10),
    ]
    found = list(datagram_messages.whole((True, piece) for piece in pieces))
    head = b"\x02" + len(SERVER_HELLO).to_bytes(3, "big")
    assert found == [(True, "Handshake", head + SERVER_HELLO)]
    summary = summarize(found)
    assert (summary.version, summary.suite) == (0xFEFD, 0xC0A8)


def test_what_both_ends_sent_is_kept_apart_and_what_is_under_keys_is_not_read() -> None:
    under_keys = bytearray(fragment(20, bytes(12)))
    under_keys[4] = 1
    datagrams = [
        (False, fragment(1, CLIENT_HELLO)),
        (True, fragment(2, SERVER_HELLO) + bytes(under_keys)),
    ]
    found = list(datagram_messages.whole(datagrams))
    assert [(sent, message[0]) for sent, _, message in found] == [(False, 1), (True, 2)]


def _exported(master: bytes) -> bytes:
    """Return what RFC 5705 §4 says, written out: two steps of P_SHA256 are one block here."""
    seed = b"EXPORTER-hil" + CLIENT_RANDOM + SERVER_RANDOM
    first = hmac.digest(master, seed, "sha256")
    return hmac.digest(master, first + seed, "sha256")


def test_a_peer_that_exports_nothing_is_known_by_its_key_log(tmp_path: Path) -> None:
    master, key_log = bytes(range(48)), tmp_path / "keys"
    key_log.write_text(f"CLIENT_RANDOM {CLIENT_RANDOM.hex()} {master.hex()}\n", "ascii")
    transcript = [
        Chunk(BOARD_TO_PEER, fragment(1, CLIENT_HELLO), 0.0),
        Chunk(PEER_TO_BOARD, fragment(2, SERVER_HELLO), 0.1),
    ]
    said = Statement("gnutls", connected=True, suite=SUITE)
    found = datagram_secrets.completed(said, key_log, transcript)
    assert found.exporter == _exported(master)
    assert found.exporter_method == datagram_secrets.METHOD


def test_nothing_is_made_up_where_something_is_missing(tmp_path: Path) -> None:
    key_log = tmp_path / "keys"
    key_log.write_text(f"CLIENT_RANDOM {bytes(32).hex()} {bytes(48).hex()}\n", "ascii")
    transcript = [Chunk(BOARD_TO_PEER, fragment(1, CLIENT_HELLO), 0.0)]
    said = Statement("gnutls", connected=True, suite=SUITE)
    assert datagram_secrets.completed(said, key_log, transcript) is said
    transcript.append(Chunk(PEER_TO_BOARD, fragment(2, SERVER_HELLO), 0.1))
    assert datagram_secrets.completed(said, key_log, transcript) is said  # another client's key
    failed = Statement("gnutls", connected=False, suite=SUITE)
    assert datagram_secrets.completed(failed, key_log, transcript) is failed
    own = Statement("openssl", connected=True, suite=SUITE, exporter=bytes(32))
    assert datagram_secrets.completed(own, key_log, transcript) is own


GNUTLS_LOG = """\
|<4>| EXT[0x55b8b0ae77c0]: Received group SECP256R1 (0x17)
|<4>| EXT[0x55b8b0ae77c0]: Selected group X25519
|<4>| HSK[0x55b8b0ae77c0]: Selected group X25519 (6)
|<4>| HSK[0x55b8b0ae77c0]: Selected cipher suite: GNUTLS_ECDHE_ECDSA_AES_128_CCM_8
|<4>| HSK[0x55b8b0ae77c0]: Selected version DTLS1.2
|<4>| HSK[0x55b8b0ae77c0]: signing TLS 1.2 handshake data: using ECDSA-SHA256
|<5>| REC[0x55b8b0ae77c0]: Alert[1|0] - Close notify - was received
"""


def test_gnutls_serv_is_read_by_its_log_over_datagrams() -> None:
    said = over_udp.statement(GNUTLS_LOG, connected=True)
    assert said.negotiated() == {
        "version": "DTLSv1.2",
        "suite": "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
        "group": "x25519",
        "signature": "ecdsa_secp256r1_sha256",
    }
    assert (said.close_received, said.close_sent, said.resumed) == (True, False, False)
