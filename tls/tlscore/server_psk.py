"""The server's choice among the pre-shared keys a client offers (RFC 8446 §4.2.9, §4.2.11).

A key is acceptable if it is known, a suite in common has its hash, a mode in common can be had, and
a ticket fits the connection: the same server name and protocol, and what it says of the client is
what this server would ask of one. The first acceptable one is chosen, and then only its binder is
looked at. A client none of whose keys is acceptable gets a full handshake, or, where there is no
certificate to show, the very alert of a wrong binder: decrypt_error, which §6.2 allows in place of
unknown_psk_identity "to merely indicate an invalid PSK identity", after the same computation
(appendix E.6: such servers resist probing for identities "by treating the cases ... identically").

Loaded only by servers with keys or tickets, for clients that offer a key.
"""

from tlscore import psk, server_choice, suites
from tlscore.client_hello_parser import again, contains
from tlscore.compat import const
from tlscore.crypto import hashes
from tlscore.crypto.hmac import equal
from tlscore.errors import PeerMisbehaved
from tlscore.schedule import KeySchedule

# See codepoints.py: copies that cost nothing on a board.
_PSK_KE = const(0)
_PSK_DHE_KE = const(1)
_ALERT_DECRYPT_ERROR = const(51)

# How many identities of a ClientHello are looked at: a policy. Each can cost a decryption, and a
# ClientHello has room for a thousand; BoringSSL looks at one.
_IDENTITIES_MAX = const(8)


class AcceptedKey:
    """The key chosen.

    Attributes:
        index: selected_identity.
        secret: the key.
        schedule: KeySchedule that begins with it, once the binder has been checked.
        suite: number of the cipher suite to go with it.
        group: of the key exchange, None for PSK_KE.
        label: of its binder key.
        identity: external identity, or None.
        ticket: tickets.Ticket, or None.
    """

    def __init__(self, index, secret, label, identity, ticket):
        self.index = index
        self.secret = secret
        self.schedule = None
        self.label = label
        self.identity = identity
        self.ticket = ticket
        self.suite = None
        self.group = None


def choose(config, hello, suite=None, group=None):
    """Return the AcceptedKey for a ClientHello, or None.

    Args:
        config: server_config.ServerConfig.
        hello: client_hello_parser.ReceivedHello with pre_shared_key.
        suite, group: what a HelloRetryRequest has chosen already.

    Raises:
        UsageError: the caller's function of keys gave one that cannot be.
    """
    modes = _modes(config, hello)
    if not modes:
        return None
    identities = again(hello.identities)
    for index in range(_IDENTITIES_MAX):
        if not identities.remaining():
            break
        identity = bytes(identities.vector16(1).rest())
        identities.take(4)  # the age matters for early data only (§4.2.11.1)
        found = _look_up(config, hello, identity)
        if found is None:
            continue
        secret, digest_bytes, label, external, ticket = found
        key = AcceptedKey(index, secret, label, external, ticket)
        key.suite = _suite(config, hello, digest_bytes, suite)
        if key.suite is not None and _exchange(key, config, hello, modes, group):
            return key
    return None


def _modes(config, hello):
    """Return the modes of our configuration that the client offers, the most wanted first."""
    offered = bytes(hello.psk_modes)  # MicroPython's memoryview knows no `in`
    return [mode for mode in config.psk_modes if mode in offered]


def _look_up(config, hello, identity):
    """Return (secret, digest size, label, external identity, ticket) of an identity, or None."""
    if config.tickets is not None:
        ticket = config.tickets.open(identity)
        if ticket is not None:
            if not fits(ticket, config, hello):
                return None
            return ticket.secret, len(ticket.secret), psk.RESUMPTION, ticket.psk_identity, ticket
    found = _external(config, identity)
    if found is None:
        return None
    return found[0], found[1], psk.EXTERNAL, identity, None


def _external(config, identity):
    """Return (key, digest size) of an external identity, or None."""
    found = None if config.psk is None else config.psk(identity)
    if found is not None:
        psk.check_key(found[0], found[1])
    return found


def fits(ticket, config, hello):
    """Tell whether a connection may go on where the one of the ticket was."""
    # RFC 8446 §4.6.1: clients "SHOULD only resume if the SNI value matches the one used in the
    # original session"; what was proved was proved under that name.
    name = server_choice.server_name(config, hello) or b""
    # A session is not carried over from one protocol to another.
    alpn = server_choice.protocol(config, hello) or b""
    if ticket.server_name.lower() != name.lower() or ticket.alpn != alpn:
        return False
    if ticket.psk_identity is not None:
        # A key that was withdrawn takes the sessions that it began along.
        return _external(config, ticket.psk_identity) is not None
    if config.trust is None:
        return ticket.client_key is None
    return ticket.client_key is not None or not config.certificate_required


def _suite(config, hello, digest_bytes, chosen):
    """Return the number of a suite in common with such a hash, or None."""
    for code in config.suites if chosen is None else (chosen,):
        if contains(hello.suites, code) and suites.digest_bytes(code) == digest_bytes:
            return code
    return None


def _exchange(key, config, hello, modes, chosen):
    """Choose a mode and a group for a key; tell whether there are any."""
    for mode in modes:
        if mode == _PSK_KE:
            return True
        if hello.groups is not None:
            key.group = server_choice.common_group(config, hello) if chosen is None else chosen
            if key.group is not None:
                return True
    return False


def check_binder(key, hello, hash_, transcript_hash):
    """Check the binder of the key chosen.

    Args:
        hash_: of the suite.
        transcript_hash: of all up to the ClientHello without its list of binders.

    Raises:
        PeerMisbehaved: §4.2.11: "Prior to accepting PSK key establishment, the server MUST
            validate the corresponding binder value ... If this value is not present or does not
            validate, the server MUST abort the handshake."
    """
    binders = again(hello.binders)
    for _ in range(key.index):
        binders.vector8()
    received = bytes(binders.vector8().rest())
    key.schedule = KeySchedule(hash_, key.secret)
    expected = psk.binder(key.schedule, key.label, transcript_hash)
    if not equal(expected, received):
        raise PeerMisbehaved("client_hello.wrong_binder", _ALERT_DECRYPT_ERROR)


def refuse_unknown(hello, body):
    """Refuse a client whose keys are all unacceptable, where nothing but a key would do.

    Args:
        body: of the ClientHello.

    Raises:
        PeerMisbehaved: always, and after as much work as a wrong binder takes.
    """
    hash_ = hashes.SHA256
    digest = hash_.new(body[: hello.binders_at]).digest()
    psk.binder(KeySchedule(hash_), psk.EXTERNAL, digest)
    raise PeerMisbehaved("client_hello.unknown_psk", _ALERT_DECRYPT_ERROR)
