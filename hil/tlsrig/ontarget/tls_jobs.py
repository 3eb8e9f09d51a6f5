"""TLS jobs of the board: one connection from ClientHello to close_notify, told as a result.

`client` and `server` configure a connection of tlscore and let it run over the link
(tls_conversation.py). Everything they need comes in `options` (seed and time included, so that a
run can be repeated); everything they learned goes into the result, a refused or broken connection
too: only a fault of the job itself is an exception. Neither imports what only the other one needs,
nor one with certificates what only one with keys needs. Runs on MicroPython and CPython. What they
do not do: judge (the host's oracle does).
"""

from tls_conversation import Conversation

from tlscore.entropy import HmacDrbg
from tlscore.record import RECORD_OVERHEAD_BYTES

_SEND_BUFFER_BYTES = 1024
_HANDSHAKE_BUFFER_BYTES = 512
# Where they are to be small: a ClientHello with a share and a key or a name, a CertificateVerify.
_SMALL_SEND_BUFFER_BYTES = 512
_SMALL_HANDSHAKE_BUFFER_BYTES = 192
# Message headers, Finished and record overhead around a client's certificates and signature.
_FLIGHT_BYTES_BESIDE = 256

# The longest ticket that is kept: OpenSSL's and GnuTLS's have about 250 bytes.
_TICKET_BYTES_MAX = 512

_CERTIFICATE_X509 = 0
_CERTIFICATE_RAW_PUBLIC_KEY = 2


def client(link, options):
    """Run one connection as a client and return what became of it.

    Args:
        link: the board's end of the link.
        options: dict of what is not None, False or an empty list, with
            `seed` (bytes), `utc_seconds`, `anchors` (list of name hash and key),
            `pins` (of raw public keys, instead of anchors), `identity` (certificates and private
            key of its own, or None), `raw_public_key` (to show instead, or None), `psk`
            (identity, key and digest size, or None), `psk_modes`, `session` (bytes, or None),
            `forge_ticket` (flip a bit of its ticket), `keep_ticket`, `server_name`, `alpn`,
            `suites`, `groups`, `key_shares`, `schemes` (tuples of code points; `schemes` are those
            of signatures, None for all there are), `compatible` (with middleboxes),
            `max_record_bytes` (of plaintext, that may be received), `echo` (payload sizes),
            `key_updates` (before how many echoes to send one that asks for one),
            `close_first` (or wait for the peer's close_notify), `timeout_ms` (longest silence of
            the link), `reads` (None, or after how many received bytes the peer waits for us, each
            time: then input comes in pieces that follow from this), `clock` (None, or what
            hil_marks.Marks needs to count instructions), `unmeasured` (keep no notes of heap and
            instructions), `noise` (None: the seed is all its
            randomness, so that it can be repeated; or kind and pin for tls_noise.source, which
            then has the seed for personalization only). Where TLS 1.2 is tried too, `versions`
            (code points) and `extended_master_secret_required`; `max_fragment_bytes` where it is
            asked for (RFC 6066 §4), `small_buffers` (to send, and for split messages),
            `staged_data` (read before it is verified), `fallback` (RFC 7507), `other_psks` (as
            `psk`, each for another server).

    Returns:
        dict: `connected`, `reason` (None after an orderly close), `alert_sent`,
        `alert_received`, `close_sent`, `close_received`, `version`, `suite`, `group`,
        `signature`, `alpn`, `signatures_verified`, `psk_identity`, `resumed`, `exporter`, `echo`
        (list of size and whether the payload came back whole), `key_updates_sent`,
        `key_updates_received`, `took_ticket`, `session` (bytes of the newest, or None), `marks`
        (at the end of the handshake, or of its attempt).
    """
    if "versions" in options:
        from tlscore.tls12.client import ClientConnection  # noqa: PLC0415
        from tlscore.tls12.config import ClientConfig  # noqa: PLC0415
    else:
        from tlscore.client import ClientConnection  # noqa: PLC0415
        from tlscore.config import ClientConfig  # noqa: PLC0415

    clock, trust = _judgement(options)
    session = _session(options)
    # What the connection will load is no part of its work.
    if options.get("psk") or session:
        from tlscore import psk_offer  # noqa: F401, PLC0415
    if trust is not None and session is None:
        from tlscore import client_certificates  # noqa: F401, PLC0415 -- all of X.509

    conversation = Conversation(link, options)
    conversation.means = (ClientConnection, ClientConfig, clock, trust, session)
    result = conversation.run(_connect)
    result["session"] = None
    if conversation.connection is not None and conversation.options.get("keep_ticket"):
        taken = conversation.connection.take_session()
        result["session"] = taken.to_bytes() if taken is not None else None
    return result


def _connect(conversation, marks):
    """Make a client's connection; all that it is made of is told to the configuration."""
    options = conversation.options
    connection_class, config_class, clock, trust, session = conversation.means
    certificates, private_key, send_buffer_bytes = _identity(options)
    config = config_class(
        entropy=conversation.entropy or HmacDrbg(options["seed"]),
        clock=clock,
        trust=trust,
        server_name=options["server_name"].decode(),
        alpn=options["alpn"],
        suites=options["suites"],
        groups=options["groups"],
        signature_schemes=_schemes(options) if trust is not None else None,
        key_share_groups=options["key_shares"],
        certificates=certificates,
        private_key=private_key,
        public_key_info=options.get("raw_public_key"),
        certificate_types=_types(options.get("pins")),
        psks=_keys_for(options),
        psk_modes=options["psk_modes"],
        session=session,
        ticket_bytes_max=_TICKET_BYTES_MAX if options.get("keep_ticket") else 0,
        record_buffer_bytes=options["max_record_bytes"] + _overhead(options),
        max_fragment_bytes=options.get("max_fragment_bytes"),
        send_buffer_bytes=send_buffer_bytes,
        handshake_buffer_bytes=_SMALL_HANDSHAKE_BUFFER_BYTES
        if options.get("small_buffers")
        else _HANDSHAKE_BUFFER_BYTES,
        staged_data=bool(options.get("staged_data")),
        middlebox_compatibility=bool(options.get("compatible")),
        checkpoint=marks.checkpoint,
        phase=marks.phase if options.get("clock") else None,
        **_of_tls12(options),
    )
    conversation.forget_means()
    # What checking it left behind would lie between what the connection keeps.
    marks.checkpoint("configured")
    return connection_class(config)


def server(link, options):
    """Run one connection as a server and return what became of it.

    Args:
        link: the board's end of the link.
        options: as for `client`; `identity`, `psk` or both are a must, with `anchors` it demands
            a certificate of the client, with `tickets_seed` it gives a ticket and takes those of
            earlier connections that had the same seed, with `sessions_seed` it remembers sessions
            of TLS 1.2 by their ids, with `cookie_key` a HelloRetryRequest has a cookie; what only
            a client does means nothing.

    Returns:
        dict: as of `client`, and `hello_retries`, how many HelloRetryRequests were sent.
    """
    if "versions" in options:
        from tlscore.tls12.server import ServerConnection  # noqa: PLC0415
        from tlscore.tls12.server_config import ServerConfig  # noqa: PLC0415
    else:
        from tlscore.server import ServerConnection  # noqa: PLC0415
        from tlscore.server_config import ServerConfig  # noqa: PLC0415

    clock, trust = _judgement(options)
    tickets = None
    if options.get("tickets_seed"):
        import tls_kept  # noqa: PLC0415 -- few boards need it

        tickets = tls_kept.tickets(options)
    conversation = Conversation(link, options)
    conversation.means = (ServerConnection, ServerConfig, clock, trust, tickets)
    result = conversation.run(_accept)
    connection = conversation.connection
    result["hello_retries"] = int(connection is not None and connection.retried)
    return result


def _accept(conversation, marks):
    """Make a server's connection; all that it is made of is told to the configuration."""
    options = conversation.options
    connection_class, config_class, clock, trust, tickets = conversation.means
    certificates, private_key = options.get("identity") or ((), None)
    config = config_class(
        entropy=conversation.entropy or HmacDrbg(options["seed"]),
        certificates=certificates,
        private_key=private_key,
        public_key_info=options.get("raw_public_key"),
        certificate_types=_types(options.get("raw_public_key")),
        clock=None if trust is None else clock,
        trust=trust,
        client_certificate_types=_types(options.get("pins")),
        psk=_key_of(options),
        psk_modes=options["psk_modes"],
        tickets=tickets,
        cookie_key=options.get("cookie_key"),
        alpn=options["alpn"],
        suites=options["suites"],
        groups=options["groups"],
        record_buffer_bytes=options["max_record_bytes"] + _overhead(options),
        send_buffer_bytes=_SEND_BUFFER_BYTES,
        checkpoint=marks.checkpoint,
        phase=marks.phase if options.get("clock") else None,
        **_of_tls12(options),
    )
    conversation.forget_means()
    # What checking it left behind would lie between what the connection keeps.
    marks.checkpoint("configured")
    return connection_class(config)


def _of_tls12(options):
    """Return what only a connection is told that may be one of TLS 1.2."""
    if "versions" not in options:
        return {}
    told = {
        "versions": options["versions"],
        "extended_master_secret_required": bool(options.get("extended_master_secret_required")),
    }
    if options.get("fallback"):
        told["fallback"] = True
    if options.get("sessions_seed"):
        import tls_kept  # noqa: PLC0415 -- a server's alone

        told["sessions"] = tls_kept.sessions(options)
    return told


def _keys_for(options):
    """Return a client's external keys."""
    if not options.get("other_psks"):
        return (options["psk"],) if options.get("psk") else ()
    import tls_kept  # noqa: PLC0415 -- few boards need it

    return tls_kept.store(options).keys_for(options["server_name"].decode())


def _key_of(options):
    """Return by what a server finds the key of an identity, None without keys."""
    if options.get("psk") is None:
        return None
    if options.get("other_psks"):
        import tls_kept  # noqa: PLC0415 -- few boards need it

        return tls_kept.store(options).key_of

    ours, key, digest_bytes = options["psk"]

    def known(identity):
        return (key, digest_bytes) if identity == ours else None

    return known


def _overhead(options):
    """Return how many bytes a record has beside its plaintext."""
    if "versions" not in options:
        return RECORD_OVERHEAD_BYTES
    from tlscore.tls12 import record  # noqa: PLC0415

    return record.RECORD_OVERHEAD_BYTES


def _judgement(options):
    """Return the clock and the trust by which the peer's certificates are judged, if they are."""
    from tlscore.clock import FixedClock  # noqa: PLC0415

    clock = FixedClock(options["utc_seconds"])
    pins, anchors = options.get("pins"), options.get("anchors")
    if not pins and not anchors:
        return clock, None
    from tlscore.trust import PinnedKeys, TrustAnchors  # noqa: PLC0415

    return clock, PinnedKeys(pins) if pins else TrustAnchors(anchors)


def _schemes(options):
    """Return the signature schemes to offer: of those asked for the ones the image has."""
    from tlscore.crypto import signature  # noqa: PLC0415

    asked, known = options.get("schemes"), signature.schemes()
    found = [scheme for scheme in asked if scheme in known]
    # A tuple of its own would be one more object that lives as long as the connection.
    return asked if len(found) == len(asked) else tuple(found)


def _types(bare):
    """Return the types of certificate that may be shown: bare keys or X.509, never both."""
    return (_CERTIFICATE_RAW_PUBLIC_KEY if bare else _CERTIFICATE_X509,)


def _identity(options):
    """Return a client's certificates, private key, and the send buffer they need."""
    certificates, private_key = options.get("identity") or ((), None)
    if not certificates:
        small = options.get("small_buffers")
        return (), None, _SMALL_SEND_BUFFER_BYTES if small else _SEND_BUFFER_BYTES
    from tlscore.certificate_verify import signature_bytes_max  # noqa: PLC0415

    # A client's own flight goes through the send buffer at once.
    size = sum([len(certificate) + 5 for certificate in certificates])
    size += signature_bytes_max(private_key) + _FLIGHT_BYTES_BESIDE
    return certificates, private_key, max(_SEND_BUFFER_BYTES, size)


def _session(options):
    """Return the session to resume, with the bit of its ticket flipped that was asked for."""
    if options.get("session") is None:
        return None
    if "versions" in options:
        from tlscore.tls12.session import from_bytes  # noqa: PLC0415
    else:
        from tlscore.session import from_bytes  # noqa: PLC0415

    session = from_bytes(options["session"])
    if options.get("forge_ticket"):
        ticket = bytearray(session.ticket)
        ticket[-1] ^= 1
        session.ticket = bytes(ticket)
    return session
