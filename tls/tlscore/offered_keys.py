"""The pre-shared keys in a ClientHello, as a server reads them (RFC 8446 §4.2.9, §4.2.11).

The form is checked whether or not the server has keys. Which key is taken is the business of
server_psk.py.
"""

from tlscore.errors import illegal
from tlscore.wire import Reader


def read_modes(content):
    """Return the PskKeyExchangeModes, ke_modes<1..255>, as bytes."""
    modes = bytes(content.vector8(1).rest())
    content.finish()
    return modes


def read_keys(content) -> tuple:
    """Read the content of pre_shared_key, OfferedPsks.

    Returns:
        (Reader over the identities, Reader over the binders, position of the list of binders in
        the data): everything before that position is what the binders are made of (§4.2.11.2).
    """
    identities = content.vector16(7)
    binders_at = content.position
    binders = content.vector16(33)
    content.finish()
    # §4.2.11: binders are "a series of HMAC values, one for each value in the identities list and
    # in the same order".
    if _count_identities(identities) != _count_binders(binders):
        raise illegal("client_hello.binder_count")
    return identities, binders, binders_at


def _count_identities(identities):
    ahead = Reader(identities.data, identities.subject, identities.position, identities.end)
    count = 0
    while ahead.remaining():
        ahead.vector16(1)  # opaque identity<1..2^16-1>
        ahead.take(4)  # obfuscated_ticket_age
        count += 1
    return count


def _count_binders(binders):
    ahead = Reader(binders.data, binders.subject, binders.position, binders.end)
    count = 0
    while ahead.remaining():
        ahead.vector8(32)  # PskBinderEntry<32..255>
        count += 1
    return count
