"""Messages that are never held: pieces of any size, and what reaches the chain verifier."""

import pytest
from server_messages import Certificate, NewSessionTicket

from tlscore.errors import PeerMisbehaved
from tlscore.message_streams import CertificateParser
from tlscore.ticket_stream import NewSessionTicketParser


class Recorder:
    """Stands in for the chain verifier and writes down what it is told."""

    def __init__(self):
        self.certificates = []
        self.largest_piece = 0

    def begin(self, length):
        self.length = length
        self.certificate = b""

    def push(self, data):
        self.certificate += bytes(data)
        self.largest_piece = max(self.largest_piece, len(data))

    def end(self):
        assert len(self.certificate) == self.length
        self.certificates.append(self.certificate)


def push(parser, data, step):
    for at in range(0, len(data), step):
        parser.push(memoryview(data)[at : at + step])


@pytest.mark.parametrize("step", [1, 2, 3, 64, 10_000])
def test_certificates_reach_the_verifier_whole_and_in_order(step):
    chain = [bytes([number]) * size for number, size in enumerate((700, 1, 300))]
    body = Certificate([(der, []) for der in chain]).encode()[4:]
    recorder = Recorder()
    push(CertificateParser(len(body), recorder, ()), body, step)
    assert recorder.certificates == chain
    assert recorder.largest_piece <= step


def test_extensions_of_an_entry_are_checked_and_skipped():
    body = Certificate([(b"leaf", [(5, b"\x01ocsp"), (18, b"")]), (b"ca", [])]).encode()[4:]
    recorder = Recorder()
    push(CertificateParser(len(body), recorder, (5, 18)), body, 2)
    assert recorder.certificates == [b"leaf", b"ca"]
    with pytest.raises(PeerMisbehaved, match=r"certificate_message\.unsolicited_extension"):
        push(CertificateParser(len(body), recorder, (5,)), body, 2)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_an_extension_block_too_short_for_an_extension_is_refused(size):
    entries = b"\x00\x00\x04leaf" + size.to_bytes(2, "big") + bytes(size)
    body = b"\x00" + len(entries).to_bytes(3, "big") + entries
    with pytest.raises(PeerMisbehaved, match=r"certificate_message\.truncated"):
        push(CertificateParser(len(body), Recorder(), (0,)), body, 100)


@pytest.mark.parametrize("error", [-1, 1])
def test_a_list_of_another_length_than_the_message_is_refused(error):
    body = bytearray(Certificate([(b"leaf", [])]).encode()[4:])
    body[3] += error
    with pytest.raises(PeerMisbehaved) as caught:
        push(CertificateParser(len(body), Recorder(), ()), bytes(body), 100)
    assert caught.value.alert == 50


def test_a_message_of_no_bytes_is_refused():
    for parser in (lambda: CertificateParser(0, Recorder(), ()), lambda: NewSessionTicketParser(0)):
        with pytest.raises(PeerMisbehaved) as caught:
            parser()
        assert caught.value.alert == 50


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_a_ticket_is_checked_in_pieces(step):
    body = NewSessionTicket(extensions=[(42, bytes(4)), (0xABCD, b"x")]).encode()[4:]
    push(NewSessionTicketParser(len(body)), body, step)
