"""What a configuration is told of the credentials of a tag, for tlscore's stacks."""

from tlscore.codepoints import CERTIFICATE_RAW_PUBLIC_KEY
from tlscore.config_checks import require
from tlscore.sockets.credentials import CERTIFICATE, PINS, PSK, RAW_KEY, ROOTS

_RAW = (CERTIFICATE_RAW_PUBLIC_KEY,)


def client_values(values, credentials, tag, name):
    """Add to a client configuration's values what the credentials of a tag say; return the trust.

    Raises:
        UsageError: "sock.no_credentials".
    """
    keys = credentials.find(tag, PSK)
    if keys is not None:
        values["psks"] = keys.keys_for(name)
    trust = _trust_of(credentials, tag)
    require(keys is not None or trust is not None, "sock.no_credentials")
    if credentials.find(tag, PINS) is not None:
        values["certificate_types"] = _RAW
    if trust is not None:
        shown = credentials.find(tag, CERTIFICATE)
        if shown is not None:
            values["certificates"], values["private_key"] = shown
        shown = credentials.find(tag, RAW_KEY)
        if shown is not None:
            values["public_key_info"], values["private_key"] = shown
    return trust


def server_values(values, credentials, tag, clock):
    """Add to a server configuration's values what the credentials of a tag say.

    Raises:
        UsageError: "sock.no_credentials".
    """
    keys = credentials.find(tag, PSK)
    shown, raw = credentials.find(tag, CERTIFICATE), credentials.find(tag, RAW_KEY)
    require(keys is not None or shown is not None or raw is not None, "sock.no_credentials")
    if keys is not None:
        values["psk"] = keys.key_of
    if shown is not None:
        values["certificates"], values["private_key"] = shown
    elif raw is not None:
        values["public_key_info"], values["private_key"] = raw
        values["certificate_types"] = _RAW
    trust = _trust_of(credentials, tag)
    if trust is not None and (shown is not None or raw is not None):
        values["clock"], values["trust"] = clock, trust
        if credentials.find(tag, PINS) is not None:
            values["client_certificate_types"] = _RAW


def _trust_of(credentials, tag):
    pins, roots = credentials.find(tag, PINS), credentials.find(tag, ROOTS)
    if pins is None and (roots is None or hasattr(roots, "anchors")):
        return roots
    # Who has keys alone loads nothing of certificates.
    from tlscore.trust import PinnedKeys, TrustAnchors, anchor_from_certificate  # noqa: PLC0415

    if pins is not None:
        return PinnedKeys(pins)
    rows = [row if isinstance(row, tuple) else anchor_from_certificate(row) for row in roots]
    return TrustAnchors(rows)
