"""The annotated page holds exactly the captured bytes, needs nothing else, and is sound HTML."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest

from hil.link import BOARD_TO_PEER, PEER_TO_BOARD, Chunk
from hil.tlsrig.dissect.exchange import Exchange
from hil.tlsrig.explain.page import Subject, page

VOID = {"meta", "br", "link", "img", "input", "hr"}


@dataclass
class Reader(HTMLParser):
    """Reads a page: bytes on the wire by sender, identifiers, links, and what is left open."""

    wire: dict[str, str] = field(default_factory=lambda: {"client": "", "server": ""})
    identifiers: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    text: str = ""
    _open: list[tuple[str, str | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if "id" in values:
            self.identifiers.append(values["id"] or "")
        if tag in ("a", "img", "script", "link"):
            self.links += [values[name] or "" for name in ("href", "src") if name in values]
        if tag not in VOID:
            self._open.append((tag, values.get("data-from")))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        senders = [sender for _, sender in self._open if sender]
        if senders and self._open[-1][0] == "code":
            self.wire[senders[-1]] += data


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader._open == []
    return reader


def page_of(trace: object, **about: object) -> tuple[Exchange, Reader]:
    transcript, key_log, _ = trace  # type: ignore[misc]
    exchange = Exchange(transcript, key_log, board_is_client=True)
    return exchange, read(page(exchange, Subject("unix-openssl-test", **about)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name",
    [
        *("simple_1rtt", "hello_retry_request", "client_authentication", "resumed_0rtt"),
        *("tls13-hrr", "tls13-mutual", "tls13-psk", "tls13-rpk", "tls13-x509"),
        *("axtls149_esp8266_tls11", "bearssl_2018-03"),
        *("tls12-gcm", "tls12-ccm8", "tls12-psk-ccm8"),
    ],
)
def test_the_bytes_on_the_page_are_the_captured_streams(traces, name: str) -> None:
    exchange, reader = page_of(traces[name])
    for sender, is_client in (("client", True), ("server", False)):
        assert bytes.fromhex(reader.wire[sender]) == exchange.streams[is_client]


def test_links_lead_somewhere_and_nothing_is_fetched(traces) -> None:
    _, reader = page_of(traces["tls13-mutual"])
    assert len(set(reader.identifiers)) == len(reader.identifiers)
    for link in reader.links:
        if link.startswith("#"):
            assert link[1:] in reader.identifiers
        else:
            assert link.startswith("https://www.rfc-editor.org/rfc/rfc")
    assert {f"r{number}" for number in range(1, 12)} <= set(reader.identifiers)


def test_proofs_keys_and_particulars_are_told(traces) -> None:
    trace = traces["tls13-psk"]
    exchange, reader = page_of(trace, psks=[trace.facts["psk"]])
    assert "3 proofs verified" in reader.text
    assert "A pre-shared key is used" in reader.text.replace("  ", " ")
    assert exchange.secrets["CLIENT_TRAFFIC_SECRET_0"].hex(" ") in reader.text
    assert trace.facts["psk"].hex(" ") in reader.text


def test_a_handshake_of_tls12_is_told_as_such(traces) -> None:
    trace = traces["tls12-psk-ccm8"]
    _, reader = page_of(trace, psks=[trace.facts["psk"]])
    assert "3 proofs verified" in reader.text
    assert "that cannot be checked" not in reader.text
    for said in ("A TLS 1.2 handshake (RFC 5246)", "both have a pre-shared key", "RFC 5246 §7.4.9"):
        assert said in reader.text
    assert "handshake keys" not in reader.text
    _, reader = page_of(traces["tls12-gcm"])
    assert "nonce_explicit" in reader.text
    assert "Both have extended master secret" in reader.text.replace("  ", " ")
    _, reader = page_of(traces["bearssl_2018-03"])
    assert "There is no extended master secret" in reader.text.replace("  ", " ")


def test_a_hello_of_old_that_got_no_answer_is_not_taken_for_tls13(traces) -> None:
    hello = traces["axtls149_esp8266_tls11"].transcript[0]
    refused = Chunk(PEER_TO_BOARD, bytes([21, 3, 3, 0, 2, 2, 70]), 1.0)
    exchange = Exchange([hello, refused], "", board_is_client=True)
    text = read(page(exchange, Subject("x"))).text
    assert "The client offered nothing newer than TLS 1.2 (RFC 5246), and no ServerHello" in text
    assert "A TLS 1.3 handshake" not in text
    assert "RFC 8446" not in text


def test_a_retry_and_client_certificates_are_told(traces) -> None:
    assert "HelloRetryRequest: the server could not" in page_of(traces["tls13-hrr"])[1].text
    assert "Both ends prove themselves" in page_of(traces["tls13-mutual"])[1].text


def test_an_explanation_stands_at_the_top(traces) -> None:
    _, reader = page_of(traces["tls13-x509"], explanation="First line.\nSecond <line>.")
    assert "First line." in reader.text
    assert "Second <line>." in reader.text


def test_what_the_other_end_sent_is_text_and_no_markup(traces) -> None:
    hello = traces["bearssl_2018-03"].transcript[0]
    evil = hello.data.replace(b"localhost", b"<b>hi</b>")
    assert evil != hello.data
    exchange = Exchange([hello._replace(data=evil)], "", board_is_client=True)
    html = page(exchange, Subject("x", facts=[("peer", "<script>alert(1)</script>")]))
    assert html.count("<script>") == 1  # its own
    assert "&lt;script&gt;" in html
    assert "<b>" not in html
    assert "&lt;b&gt;hi&lt;/b&gt;" in html


def test_bytes_that_are_no_tls_are_shown_as_they_are() -> None:
    exchange = Exchange([Chunk(BOARD_TO_PEER, b"GET / HTTP/1.0", 0.0)], "", board_is_client=True)
    reader = read(page(exchange, Subject("x")))
    assert bytes.fromhex(reader.wire["client"]) == b"GET / HTTP/1.0"
