"""The example at a desk, with CPython: fetch or store one file over HTTPS.

    python examples/https/desk.py get https://localhost:8443/big.bin --ca pki/ca.pem -o big.bin
    python examples/https/desk.py put https://localhost:8443/upload/x big.bin --ca pki/ca.pem

Exit status: 0 done, 1 TLS, HTTP or the network failed, 2 wrong command line or file.
"""

import argparse
import io
import sys
import urllib.parse

from connect import connect
from https_client import HttpClient, HttpError, Response

from tlscore import certificate_files, private_key_files
from tlscore.clock import SystemClock
from tlscore.entropy import SystemEntropy
from tlscore.errors import TlsError
from tlscore.tls12.config import ClientConfig
from tlscore.tls12.record import RECORD_OVERHEAD_BYTES

_PIECE_BYTES = 16384  # the longest record's


def main(arguments: "list[str] | None" = None) -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(description="GET or PUT over HTTPS, by tlscore.")
    parser.add_argument("method", choices=("get", "put"))
    parser.add_argument("url", type=_url, help="https://HOST[:PORT]/PATH")
    parser.add_argument("file", nargs="?", default="-", help="to send; - is standard input")
    parser.add_argument("-o", "--output", default="-", help="for the body; - is standard output")
    parser.add_argument("--ca", required=True, metavar="FILE", help="whom to trust")
    parser.add_argument("--cert", metavar="FILE", help="chain to show if the server asks for one")
    parser.add_argument("--key", metavar="FILE", help="and its private key")
    parser.add_argument("--chunked", action="store_true", help="send without saying how long")
    options = parser.parse_args(arguments)
    try:
        config = _config(options)
        if options.method == "get":
            return _talk(options, config, None)
        with _opened(options.file, "rb") as body:
            return _talk(options, config, body)
    except certificate_files.FileError as error:
        return _complain(str(error), 2)
    except (HttpError, TlsError) as error:
        return _complain("{}: {}".format(options.url.netloc, error.reason), 1)
    except OSError as error:
        return _complain("{}: {}".format(error.filename or options.url.netloc, error), 1)


def _talk(options: argparse.Namespace, config: "ClientConfig", body: "io.RawIOBase | None") -> int:
    url = options.url
    path = (url.path or "/") + (url.query and "?" + url.query)
    stream = connect(url.hostname, url.port or 443, config)
    try:
        client = HttpClient(stream, url.netloc, buffer_bytes=_PIECE_BYTES)
        if body is None:
            response = client.get(path)
        else:
            response = client.put(path, body, None if options.chunked else _length(body))
        if response.status < 400:
            with _opened(options.output, "wb") as output:
                _save(response, output)
    finally:
        stream.close()
    print(response.status, file=sys.stderr)
    return 0 if response.status < 400 else 1


def _save(response: Response, output: "io.RawIOBase") -> None:
    buffer = memoryview(bytearray(_PIECE_BYTES))
    count = response.readinto(buffer)
    while count:
        rest = buffer[:count]
        while rest:
            rest = rest[output.write(rest) :]
        count = response.readinto(buffer)


def _config(options: argparse.Namespace) -> "ClientConfig":
    store, complaints = certificate_files.trust(options.ca)
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    if store is None:
        raise certificate_files.FileError("{}: holds no trust anchor".format(options.ca))
    identity: "dict[str, object]" = {}
    if options.cert:
        identity["certificates"] = certificate_files.certificates(options.cert)
        identity["private_key"] = private_key_files.private_key(options.key or options.cert)
    return ClientConfig(
        SystemEntropy(),
        SystemClock(),
        store,
        options.url.hostname,
        record_buffer_bytes=_PIECE_BYTES + RECORD_OVERHEAD_BYTES,
        send_buffer_bytes=_PIECE_BYTES + 1024,
        **identity,
    )


def _url(text: str) -> urllib.parse.SplitResult:
    url = urllib.parse.urlsplit(text)
    if url.scheme != "https" or not url.hostname or url.fragment:
        raise argparse.ArgumentTypeError(
            "{!r} is not https://HOST[:PORT]/PATH[?QUERY]".format(text)
        )
    return url


def _opened(path: str, mode: str) -> "io.RawIOBase":
    """Open a file, or standard input or output, without buffering."""
    if path != "-":
        return io.FileIO(path, mode)
    standard = sys.stdin if mode == "rb" else sys.stdout
    return io.FileIO(standard.fileno(), mode, closefd=False)


def _length(body: "io.RawIOBase") -> "int | None":
    """Return the size of a file, None of what has none."""
    if not body.seekable():
        return None
    size = body.seek(0, 2)
    body.seek(0)
    return size


def _complain(what: str, status: int) -> int:
    print(what, file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
