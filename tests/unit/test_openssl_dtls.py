"""What OpenSSL's message log says of DTLS, whose header of messages is longer."""

from __future__ import annotations

import pytest

from hil.tlsrig.peers import openssl

BODY = "fe fd " + "11 " * 32 + "00 c0 a8 00 00 05 ff 01 00 01 00"
# As version 3.0 has it, which knows no words for DTLS, and as version 3.5.
HEADS = {
    "3.0": "<<< Not TLS data or unknown version (version=65277, content_type={}) [length {:04x}]",
    "3.5": "<<< DTLS 1.2, {} [length {:04x}]",
}
WORDS = {"3.0": ("256", "22", "21"), "3.5": ("RecordHeader", "Handshake", "Alert")}


def entry(version: str, kind: int, octets: str) -> str:
    data = bytes.fromhex(octets)
    head = HEADS[version].format(WORDS[version][kind], len(data))
    return f"{head}\n    {data.hex(' ')}\n"


@pytest.mark.parametrize("version", HEADS)
def test_hello_and_alert_of_dtls_are_read(version: str) -> None:
    size = len(bytes.fromhex(BODY)).to_bytes(3, "big").hex()
    log = entry(version, 0, "16 fe fd" + "00" * 10)
    log += entry(version, 1, f"02 {size} 00 01 00 00 00 {size} {BODY}")
    log += entry(version, 2, "01 00")
    found = openssl.summarize(log)
    assert (found.version, found.suite) == (0xFEFD, 0xC0A8)
    assert found.alerts == [(False, 1, 0)]
