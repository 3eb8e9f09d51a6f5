"""What the command line says of a server, made into its configuration. CPython only.

Not here: connections and how they are served (server_command.py).
"""

from tlscore import (
    certificate_files,
    codepoints,
    command_line,
    key_options,
    private_key_files,
    psk,
    version_options,
)
from tlscore.clock import FixedClock, SystemClock
from tlscore.codepoints import CERTIFICATE_RAW_PUBLIC_KEY, CERTIFICATE_X509
from tlscore.command_line import EXIT_USAGE, RefusalError, say
from tlscore.config_checks import RECORD_BUFFER_BYTES_MAX
from tlscore.entropy import SystemEntropy
from tlscore.errors import UsageError
from tlscore.tickets import TicketKeys
from tlscore.trust import PinnedKeys

_SEND_BUFFER_BYTES = 16384
# RFC 8446 §4.1.2: a ClientHello in which every vector is as long as it may be.
_HANDSHAKE_BUFFER_BYTES = 131_400
# Names of authorities are a hint (RFC 8446 §4.2.4): where they would fill half of the send buffer
# there are too many to be one.
_AUTHORITIES_BYTES_MAX = 8192
_COOKIE_KEY_BYTES = 32


def add_to(server):
    """Add the options of a configuration to an argparse parser."""
    add = server.add_argument
    add("--cert", metavar="FILE", help="our chain, leaf first, PEM or DER")
    add("--key", metavar="FILE", help="the leaf's private key, PEM or DER")
    raw = "prove ourselves by the bare public key to clients that know it (RFC 7250)"
    add("--raw-public-key", action="store_true", help=raw)
    clients = server.add_mutually_exclusive_group()
    ask = "ask clients for a certificate that leads to these"
    clients.add_argument("--client-ca", metavar="FILE", help=ask)
    ask = "ask clients for the raw public key with this SHA-256; may be repeated"
    pin = {"type": command_line.pin, "action": "append", "metavar": "HEX"}
    clients.add_argument("--client-pin", help=ask, **pin)
    key_options.add_options(server)
    tickets = "give each client so many tickets, and resume their sessions"
    add("--tickets", default=0, type=int, metavar="N", help=tickets)
    add("--optional", action="store_true", help="serve clients without certificate or key as well")
    utc = command_line.utc_seconds
    add("--time", type=utc, metavar="UTC", help="judge certificates by this time instead")
    add("--alpn", default=(), type=command_line.protocols, metavar="NAME,...")
    groups = command_line.codes(codepoints.GROUP_NAMES)
    add("--groups", default=None, type=groups, metavar="NAME,...", help="most wanted first")
    version_options.add_options(server)
    suites = command_line.codes(version_options.SUITE_NAMES)
    add("--suites", default=None, type=suites, metavar="NAME,...", help="most wanted first")
    add("--cookie", action="store_true", help="have a HelloRetryRequest's cookie returned")
    add("--padding", default=0, type=int, metavar="N", help="pad data to multiples of N bytes")
    add("--keylog", metavar="FILE", help="append the secrets, in the format Wireshark reads")


def config(options):
    """Return the configuration.

    Raises:
        RefusalError: a file cannot be used, or the options cannot work.
    """
    entropy = SystemEntropy()
    try:
        chosen = _identity(options)
        chosen.update(_demands(options))
        chosen.update(_keys(options, entropy))
        for name in ("groups", "suites"):
            if getattr(options, name) is not None:
                chosen[name] = getattr(options, name)
        if options.cookie:
            chosen["cookie_key"] = bytearray(_COOKIE_KEY_BYTES)
            entropy.fill(chosen["cookie_key"])
        return version_options.server_configuration(
            options.versions,
            entropy,
            check_private_key=True,
            certificate_required=not options.optional,
            alpn=options.alpn,
            record_buffer_bytes=RECORD_BUFFER_BYTES_MAX,
            send_buffer_bytes=_SEND_BUFFER_BYTES,
            handshake_buffer_bytes=_HANDSHAKE_BUFFER_BYTES,
            padding_bytes=options.padding,
            keylog=command_line.keylog(options.keylog),
            **chosen,
        )
    except certificate_files.FileError as error:
        raise RefusalError(EXIT_USAGE, str(error))
    except UsageError as error:
        raise RefusalError(EXIT_USAGE, _explained(error, options))


def _identity(options):
    """Return what we prove ourselves with, beside pre-shared keys."""
    if (options.cert is None) != (options.key is None):
        raise RefusalError(EXIT_USAGE, "--cert and --key belong together")
    if options.cert is None:
        if options.psk is None:
            raise RefusalError(EXIT_USAGE, "--cert or --psk: something has to prove who we are")
        if options.raw_public_key:
            raise RefusalError(EXIT_USAGE, "--raw-public-key needs --cert and --key")
        return {}
    key = private_key_files.private_key(options.key)
    chosen = {
        "certificates": tuple(certificate_files.certificates(options.cert)),
        "private_key": key,
    }
    if options.raw_public_key:
        chosen["certificate_types"] = (CERTIFICATE_RAW_PUBLIC_KEY, CERTIFICATE_X509)
        try:
            chosen["public_key_info"] = private_key_files.public_key_info(key)
        except ValueError as error:
            raise RefusalError(EXIT_USAGE, "{}: not a usable key: {}".format(options.key, error))
    return chosen


def _demands(options):
    """Return what clients have to prove themselves with."""
    if options.client_ca is None and options.client_pin is None:
        return {}
    clock = _clock(options)
    if options.client_pin is not None:
        raw = (CERTIFICATE_RAW_PUBLIC_KEY,)
        trust = PinnedKeys(options.client_pin)
        return {"clock": clock, "trust": trust, "client_certificate_types": raw}
    trust, complaints = certificate_files.trust(options.client_ca)
    for complaint in complaints:
        say(complaint)
    if trust is None:
        raise RefusalError(EXIT_USAGE, options.client_ca + ": holds no usable anchor")
    if sum(2 + len(name) for name in trust.authorities) > _AUTHORITIES_BYTES_MAX:
        trust.authorities = ()
    return {"clock": clock, "trust": trust}


def _keys(options, entropy):
    """Return the pre-shared keys that clients may have, external ones and those of tickets."""
    found = {"psk_modes": key_options.modes(options)}
    external = key_options.external_key(options)
    if external is not None:
        identity, key, digest_bytes = external
        psk.check_key(key, digest_bytes)
        found["psk"] = {identity: (key, digest_bytes)}.get
    if options.tickets:
        found["tickets"] = TicketKeys(entropy, _clock(options), count=options.tickets)
    return found


def _clock(options):
    return SystemClock() if options.time is None else FixedClock(options.time)


def _explained(error, options):
    if error.reason == "identity.other_key":
        return "{}: not the private key of {}".format(options.key, options.cert)
    if error.reason == "identity.private_key":
        return "{}: not a usable key".format(options.key)
    return "cannot serve like this: {}".format(error)
