"""The HTTP client of examples/https: what it sends, and what it takes and refuses of a server."""

import io
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "https"
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture(scope="module", autouse=True)
def https():
    """Import the example as its users do, from its folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLE))
        import https_client

        yield https_client
    sys.modules.pop("https_client", None)


class Stream:
    """A server that says what it was told to, in pieces, and then ends properly."""

    def __init__(self, said, piece=1000):
        self.said = io.BytesIO(said)
        self.piece = piece
        self.heard = b""

    def readinto(self, buffer):
        return self.said.readinto(memoryview(buffer)[: self.piece])

    def write(self, data):
        self.heard += bytes(data)


def body_of(response, piece=100):
    buffer, found = bytearray(piece), b""
    while count := response.readinto(buffer):
        found += buffer[:count]
    return found


def get(https, said, piece=1000, **options):
    client = https.HttpClient(Stream(said, piece), "a.example", **options)
    return client.get("/")


@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_a_body_comes_whole_in_either_framing_however_it_is_cut(https, piece):
    chunked = (
        b"Transfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\nA;x=y\r\n0123456789\r\n0\r\nX: y\r\n\r\n"
    )
    for said, expected in (
        (OK + b"Content-Length: 5\r\n\r\nhello", b"hello"),
        (OK + chunked, b"wiki0123456789"),
        (OK + b"\r\nto the end", b"to the end"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b""),
        (OK + b"Content-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nok", b"ok"),
    ):
        assert body_of(get(https, said, piece), 3) == expected


def test_a_request_is_what_rfc_9112_wants(https):
    stream = Stream(OK + b"Content-Length: 0\r\n\r\n")
    https.HttpClient(stream, "a.example:8443").get("/x?y", (("Accept", "text/plain, */*"),))
    expected = b"GET /x?y HTTP/1.1\r\nHost: a.example:8443\r\nAccept: text/plain, */*\r\n\r\n"
    assert stream.heard == expected


def test_a_body_of_known_length_is_sent_as_it_is(https):
    stream = Stream(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
    data = bytes(range(256)) * 9
    response = https.HttpClient(stream, "a").put("/x", io.BytesIO(data + b"more"), len(data))
    assert response.status == 201
    head, _, body = stream.heard.partition(b"\r\n\r\n")
    assert head.endswith(b"\r\nContent-Length: 2304")
    assert body == data


@pytest.mark.parametrize("buffer_bytes", [64, 1024, 1 << 17])
def test_a_body_of_unknown_length_is_sent_in_chunks(https, buffer_bytes):
    stream = Stream(b"HTTP/1.1 204 No Content\r\n\r\n")
    data = bytes(range(256)) * 1000
    https.HttpClient(stream, "a", buffer_bytes=buffer_bytes).put("/x", io.BytesIO(data))
    head, _, rest = stream.heard.partition(b"\r\n\r\n")
    assert head.endswith(b"\r\nTransfer-Encoding: chunked")
    found = b""
    while not rest.startswith(b"0\r\n"):
        size, _, rest = rest.partition(b"\r\n")
        found += rest[: int(size, 16)]
        assert rest[int(size, 16) :][:2] == b"\r\n"
        rest = rest[int(size, 16) + 2 :]
    assert (found, rest) == (data, b"0\r\n\r\n")


def test_requests_follow_each_other_on_one_connection(https):
    said = OK + b"Content-Length: 3\r\n\r\none" + OK + b"Transfer-Encoding: chunked\r\n\r\n"
    client = https.HttpClient(Stream(said + b"3\r\ntwo\r\n0\r\n\r\n", 40), "a")
    for expected in (b"one", b"two"):
        response = client.get("/")
        assert (body_of(response), response.keep_alive) == (expected, True)


def test_a_response_has_to_be_read_before_the_next_request(https):
    said = OK + b"Content-Length: 3\r\n\r\none"
    client = https.HttpClient(Stream(said * 2, len(said)), "a")
    response = client.get("/")
    with pytest.raises(https.HttpError, match=r"^http.body_not_read$"):
        client.get("/")
    response.discard()
    assert client.get("/").status == 200


@pytest.mark.parametrize(
    ("said", "keep_alive"),
    [
        (OK + b"Content-Length: 0\r\n\r\n", True),
        (OK + b"Connection: foo, Close\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n", True),
    ],
)
def test_no_request_goes_over_a_connection_that_the_server_ends(https, said, keep_alive):
    client = https.HttpClient(Stream(said + OK + b"\r\n", len(said)), "a")
    assert client.get("/").keep_alive is keep_alive
    if keep_alive:
        assert client.get("/").status == 200
    else:
        with pytest.raises(https.HttpError, match=r"^http.connection_closed$"):
            client.get("/")


def test_headers_are_kept_if_they_are_asked_for_and_only_then(https):
    said = OK + b'ETag: "x"\r\nDate: now\r\nContent-Length: 0\r\n\r\n'
    assert get(https, said, keep=(b"etag",)).headers == {b"etag": b'"x"'}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"", "http.connection_closed"),
        (OK[:9], "http.head_truncated"),
        (b"SSH-2.0-OpenSSH\r\n", "http.status_line"),
        (b"HTTP/2 200\r\n", "http.status_line"),
        (b"HTTP/1.1 2x0 OK\r\n", "http.status_line"),
        (OK + b"Content-Length : 5\r\n\r\n", "http.header"),
        (OK + b" folded: 5\r\n\r\n", "http.header"),
        (OK + b"no colon\r\n\r\n", "http.header"),
        (OK + b"Content-Length: -5\r\n\r\n", "http.content_length"),
        (OK + b"Content-Length: 5, 5\r\n\r\n", "http.content_length"),
        (OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", "http.content_length"),
        (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n", "http.transfer_encoding"),
        (OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "http.two_lengths"),
        (OK + b"A: " + b"b" * 1100, "http.line_too_long"),
        (OK + b"A: b\r\n" * 65 + b"\r\n", "http.too_many_headers"),
        (OK + b"Content-Length: 5\r\n\r\nhell", "http.body_truncated"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nwik", "http.body_truncated"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\n", "http.head_truncated"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n0x4\r\nwiki\r\n", "http.chunk_size"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n-4\r\n", "http.chunk_size"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n\r\n", "http.chunk_size"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n123456789\r\n", "http.chunk_size"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nwiki\r\n", "http.chunk_end"),
    ],
)
def test_an_answer_that_is_not_http_is_refused_for_its_one_reason(https, said, reason):
    with pytest.raises(https.HttpError) as refused:
        body_of(get(https, said))
    assert refused.value.reason == reason


def test_more_than_was_asked_for_is_refused(https):
    client = https.HttpClient(Stream(OK + b"Content-Length: 1\r\n\r\nx" + OK), "a")
    body_of(client.get("/"))
    with pytest.raises(https.HttpError, match=r"^http.surplus$"):
        client.get("/")


def test_a_body_that_is_shorter_than_was_said_is_an_error_and_the_end(https):
    stream = Stream(OK + b"\r\n")
    client = https.HttpClient(stream, "a")
    with pytest.raises(https.HttpError, match=r"^http.body_length$"):
        client.put("/", io.BytesIO(b"four"), 5)
    said = len(stream.heard)
    with pytest.raises(https.HttpError, match=r"^http.connection_closed$"):
        client.get("/")
    assert len(stream.heard) == said


@pytest.mark.parametrize(
    ("host", "path", "headers"),
    [
        ("a\r\nX: y", "/", ()),
        ("a", "/ HTTP/1.1\r\nX: y", ()),
        ("a", "/ x", ()),
        ("a", "/", (("A", "b\r\nX: y"),)),
        ("a", "/", (("A:", "b\n"),)),
    ],
)
def test_nothing_that_is_asked_for_can_end_its_line(https, host, path, headers):
    stream = Stream(OK + b"\r\n")
    with pytest.raises(https.HttpError, match=r"^http.forbidden_character$"):
        https.HttpClient(stream, host).get(path, headers)
    assert stream.heard == b""
