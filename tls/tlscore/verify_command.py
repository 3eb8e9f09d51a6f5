"""`python -m tlscore verify`: judge a certificate chain in a file. CPython only, in no image.

The verdict is that of x509.chain.ChainVerifier, the code that runs on the boards. A board needs the
chain in path order, as a server must send it (RFC 8446 §4.4.2); a file is often just a heap of
certificates. So when the chain is refused as it stands, the other paths from the first certificate
that the file contains are tried too, each judged by the same code; `--as-sent` leaves that out.

Exit status: 0 valid, 1 refused, 2 wrong command line or file.
"""

import argparse
import sys

from tlscore import certificate_files, codepoints
from tlscore.clock import FixedClock, SystemClock
from tlscore.command_line import EXIT_USAGE, utc_seconds
from tlscore.errors import PeerMisbehaved, UsageError
from tlscore.x509.chain import MAX_CERTIFICATES, ChainVerifier
from tlscore.x509.extensions import CLIENT_AUTH, SERVER_AUTH

EXIT_REFUSED = 1

_USAGES = {"server": SERVER_AUTH, "client": CLIENT_AUTH}

# Certificates that sign each other in circles make many paths; so many are tried.
_PATHS_MAX = 64


def add_parser(commands) -> None:
    """Add the command to an argparse object of subcommands; `options.run` is what to call."""
    parser = commands.add_parser(
        "verify",
        help="judge a certificate chain",
        epilog="Exit status: 0 valid, 1 refused, 2 wrong command line or file.",
    )
    add = parser.add_argument
    add("--chain", required=True, metavar="FILE", help="the leaf first: PEM, or one in DER")
    add("--trust", required=True, metavar="FILE", help="anchors: PEM, DER, or a trust store")
    add("--name", metavar="NAME", help="domain name or address the leaf must present")
    add("--time", type=utc_seconds, metavar="UTC", help="judge by this time instead of now")
    add("--usage", choices=sorted(_USAGES), default="server", help="what the leaf is for")
    add("--pin", action="append", type=_digest, metavar="HEX", help="SHA-256 of a public key")
    add("--max-certificates", type=int, default=MAX_CERTIFICATES, metavar="N")
    add("--as-sent", action="store_true", help="try no other path than the file's order")
    parser.set_defaults(run=run)


def run(options) -> int:
    """Judge a chain, print the verdict, and return the exit status."""
    try:
        store, complaints = certificate_files.trust(options.trust, options.pin)
        for complaint in complaints:
            print(complaint, file=sys.stderr)
        chain = certificate_files.certificates(options.chain)
        return _report(_judge(chain, store, options))
    except certificate_files.FileError as error:
        print(error, file=sys.stderr)
    except UsageError as error:
        print("cannot verify like this: {}".format(_explained(error, options)), file=sys.stderr)
    return EXIT_USAGE


def _digest(text):
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != 32:
        raise argparse.ArgumentTypeError("{!r} is not 64 hexadecimal digits".format(text))
    return digest


def _explained(error, options):
    if error.reason == "certificate.server_name":
        return "{}: --name {!r} is neither a domain name nor an address".format(
            error.reason, options.name
        )
    if error.reason.startswith("trust_store."):
        return "{}: {}".format(options.trust, error.reason)
    return error.reason


def _judge(chain, store, options):
    """Return (certificates of the path by number, signatures verified, refusal or None)."""
    as_sent = range(len(chain))
    refusal, signatures = _verify(chain, as_sent, store, options)
    if refusal is None or options.as_sent:
        return as_sent, signatures, refusal
    for path in _paths(chain, options.max_certificates):
        other, signatures = _verify(chain, path, store, options)
        if other is None:
            return path, signatures, None
    return as_sent, 0, refusal


def _verify(chain, path, store, options):
    """Return (refusal or None, signatures verified) of the certificates in the order of a path."""
    clock = SystemClock() if options.time is None else FixedClock(options.time)
    verifier = ChainVerifier(
        _NoAnchors if store is None else store,
        clock,
        options.name,
        _USAGES[options.usage],
        options.max_certificates,
    )
    try:
        for number in path:
            verifier.begin(len(chain[number]))
            verifier.push(chain[number])
            verifier.end()
        verifier.finish()
    except PeerMisbehaved as refusal:
        return refusal, verifier.signatures_verified
    return None, verifier.signatures_verified


class _NoAnchors:
    """What is left of a trust file in which no certificate can be an anchor."""

    @staticmethod
    def anchors(_name_hash):
        return ()


def _report(judgement):
    path, signatures, refusal = judgement
    if refusal is not None:
        name = codepoints.alert_name(refusal.alert)
        print("refused: {}".format(refusal.reason))
        print("alert: {} ({})".format(refusal.alert, name))
        return EXIT_REFUSED
    print("valid")
    print("path: {}".format(" ".join([str(number + 1) for number in path])))
    print("signatures: {}".format(signatures))
    return 0


# --- other paths


def _paths(chain, longest):
    """Return paths from the first certificate by names, each as long as it can get."""
    names = [_names(der) for der in chain]
    found = []
    open_paths = [(0,)]
    while open_paths and len(found) < _PATHS_MAX:
        path = open_paths.pop()
        issuer, _ = names[path[-1]]
        above = [
            number
            for number, (_, subject) in enumerate(names)
            if subject is not None and subject == issuer and number not in path
        ]
        if above and len(path) < longest:
            # The last one is taken first: keep the file's order.
            open_paths.extend([(*path, number) for number in reversed(above)])
        else:
            found.append(path)
    return found


def _names(der):
    """Return the encoded issuer and subject of a certificate, (None, None) if it has none."""
    try:
        fields = _elements(_elements(_elements(der)[0][1])[0][1])
    except (IndexError, ValueError):
        return None, None
    start = 1 if fields and fields[0][0][0] == 0xA0 else 0
    # serialNumber, signature, issuer, validity, subject (RFC 5280 §4.1)
    if len(fields) < start + 5:
        return None, None
    return fields[start + 2][0], fields[start + 4][0]


def _elements(data):
    """Return (encoding, contents) of the DER elements in `data`."""
    found = []
    place = 0
    while place < len(data):
        count = data[place + 1]
        start = place + 2
        if count & 0x80:
            start += count & 0x7F
            count = int.from_bytes(data[place + 2 : start], "big")
        end = start + count
        if end > len(data):
            raise ValueError("cut off")
        found.append((data[place:end], data[start:end]))
        place = end
    return found
