"""What a client offers of pre-shared keys, and what the server took of it (RFC 8446 §4.2.11).

A session of an earlier connection comes first, then external keys in the caller's order. The
extension is written with room for the binders, which are filled in once the ClientHello is
complete: they cover all of it but themselves (§4.2.11.2).

Loaded only by clients that have something to offer. Early data is never offered.
"""

from tlscore import psk, suites
from tlscore.compat import const
from tlscore.config_checks import require
from tlscore.crypto import hashes
from tlscore.errors import UsageError, illegal
from tlscore.schedule import KeySchedule

# See codepoints.py: copies that cost nothing on a board.
_PSK_KE = const(0)
_PSK_DHE_KE = const(1)

# What is kept of a key: identity or ticket; KeySchedule that begins with it; label of the binder;
# Session or None.
_IDENTITY = const(0)
_SCHEDULE = const(1)
_LABEL = const(2)
_SESSION = const(3)


class PskOffer:
    """The keys offered in one handshake.

    Args:
        config: config.ClientConfig. Its session is left out if it is over by the config's clock.

    Raises:
        UsageError: "session.expired", there is no other key, and no trust to do without one.
    """

    def __init__(self, config):
        self._clock = config.clock
        self._modes = config.psk_modes
        session = config.session
        self._keys = []
        if session is not None and session.is_usable(self._clock.utc_seconds()):
            schedule = KeySchedule(self.hash_of(session.digest_bytes), session.secret)
            self._keys.append((session.ticket, schedule, psk.RESUMPTION, session))
        for identity, key, digest_bytes in config.psks:
            schedule = KeySchedule(self.hash_of(digest_bytes), key)
            self._keys.append((identity, schedule, psk.EXTERNAL, None))
        if not self._keys and config.trust is None:
            raise UsageError("session.expired")

    def hash_of(self, digest_bytes):
        """Return the row of crypto/hashes.py that secrets are derived by."""
        return hashes.fastest(hashes.of_size(digest_bytes))

    def __len__(self):
        return len(self._keys)

    def keep(self, hash_):
        """Drop the keys of other hashes than that of the suite a HelloRetryRequest has chosen.

        RFC 8446 §4.1.2: "optionally removing any PSKs which are incompatible with the server's
        indicated cipher suite".
        """
        self._keys = [row for row in self._keys if _digest_bytes(row) == hash_.size]

    def write(self, writer):
        """Write the content of pre_shared_key; zeros stand for the binders."""
        identities = writer.open(2)
        for row in self._keys:
            writer.vector16(row[_IDENTITY])
            # §4.2.11: "For identities established externally, an obfuscated_ticket_age of 0
            # SHOULD be used".
            session = row[_SESSION]
            age = 0 if session is None else session.obfuscated_age(self._clock.utc_seconds())
            writer.raw(age.to_bytes(4, "big"))
        writer.close(identities, 2)
        binders = writer.open(2)
        for row in self._keys:
            writer.vector8(bytes(_digest_bytes(row)))
        writer.close(binders, 2)

    def bind(self, message, transcript):
        """Fill in the binders of a ClientHello whose last extension is the one written above.

        Args:
            message: memoryview of all of it; its end is overwritten.
            transcript: None for a first ClientHello; after a HelloRetryRequest what was said
                before. It takes the message in, and gives one digest for the binders.
        """
        at = len(message) - 2 - sum([1 + _digest_bytes(row) for row in self._keys])
        truncated = message[:at]
        rest = message[at:]
        digest = None
        if transcript is not None:
            transcript.update(truncated)
            digest = transcript.digest()
        at = 2
        for row in self._keys:
            schedule = row[_SCHEDULE]
            context = schedule.hash.new(truncated).digest() if digest is None else digest
            end = at + 1 + schedule.hash.size
            rest[at + 1 : end] = psk.binder(schedule, row[_LABEL], context)
            at = end
        if transcript is not None:
            transcript.update(rest)

    def accept(self, index, hash_, has_share):
        """Return what belongs to the key that the server took.

        Args:
            index: selected_identity.
            hash_: of the suite the server chose.
            has_share: it sent a key_share as well.

        Returns:
            (KeySchedule that begins with it, external identity or None, Session or None).

        Raises:
            PeerMisbehaved: §4.2.11: "Clients MUST verify that the server's selected_identity is
                within the range supplied by the client, that the server selected a cipher suite
                indicating a Hash associated with the PSK, and that a server "key_share" extension
                is present if required by the ClientHello "psk_key_exchange_modes" extension. If
                these values are not consistent, the client MUST abort the handshake with an
                "illegal_parameter" alert."
        """
        if index >= len(self._keys):
            raise illegal("server_hello.unoffered_psk")
        row = self._keys[index]
        if _digest_bytes(row) != hash_.size:
            raise illegal("server_hello.psk_hash")
        if (_PSK_DHE_KE if has_share else _PSK_KE) not in self._modes:
            raise illegal("server_hello.psk_mode")
        session = row[_SESSION]
        return row[_SCHEDULE], row[_IDENTITY] if session is None else None, session


def _digest_bytes(row):
    return row[_SCHEDULE].hash.size


def check(config):
    """Check what a ClientConfig says of its keys.

    Raises:
        UsageError: "config.psk_identity", "config.psk_key", "config.psk_hash"; "config.psk_suite"
            where no suite is offered with the hash of a key.
    """
    sizes = [suites.digest_bytes(code) for code in config.suites]
    identities = []
    for identity, key, digest_bytes in config.psks:
        require(isinstance(identity, bytes) and len(identity) > 0, "config.psk_identity")
        require(identity not in identities, "config.psk_identity")
        identities.append(identity)
        psk.check_key(key, digest_bytes)
        require(digest_bytes in sizes, "config.psk_suite")
    if config.session is not None:
        require(config.session.digest_bytes in sizes, "config.psk_suite")


def suites_for(config, codes) -> tuple:
    """Return those of the suites `codes` whose hash is that of a key."""
    sizes = [digest_bytes for _, _, digest_bytes in config.psks]
    if config.session is not None:
        sizes.append(config.session.digest_bytes)
    return tuple([code for code in codes if suites.digest_bytes(code) in sizes])


def bytes_max(config) -> int:
    """Return the size of pre_shared_key with all the keys of a configuration."""
    size = 4 + 2 + 2
    for identity, _, digest_bytes in config.psks:
        size += 2 + len(identity) + 4 + 1 + digest_bytes
    if config.session is not None:
        size += 2 + len(config.session.ticket) + 4 + 1 + config.session.digest_bytes
    return size
