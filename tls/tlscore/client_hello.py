"""The ClientHello: what a client offers, written in place (RFC 8446 §4.1.2, §4.2, §9.2).

Both ClientHellos of a handshake with HelloRetryRequest are written here; they differ in key_share,
cookie and pre_shared_key and nothing else (RFC 8446 §4.1.2). Every extension written is noted in
`offered`, against which the server's answers are held (extensions.py).
"""

from tlscore import key_exchange
from tlscore.compat import const

# See codepoints.py: copies that cost nothing on a board.
_TLS_1_2 = const(0x0303)
_TLS_1_3 = const(0x0304)
_CLIENT_HELLO = const(1)
_EXT_SERVER_NAME = const(0)
_EXT_MAX_FRAGMENT_LENGTH = const(1)
_EXT_SUPPORTED_GROUPS = const(10)
_EXT_SIGNATURE_ALGORITHMS = const(13)
_EXT_APPLICATION_LAYER_PROTOCOL_NEGOTIATION = const(16)
_EXT_CLIENT_CERTIFICATE_TYPE = const(19)
_EXT_SERVER_CERTIFICATE_TYPE = const(20)
_EXT_RECORD_SIZE_LIMIT = const(28)
_EXT_PRE_SHARED_KEY = const(41)
_EXT_SUPPORTED_VERSIONS = const(43)
_EXT_COOKIE = const(44)
_EXT_PSK_KEY_EXCHANGE_MODES = const(45)
_EXT_SIGNATURE_ALGORITHMS_CERT = const(50)
_EXT_KEY_SHARE = const(51)

RANDOM_BYTES = 32
# What max_fragment_length can say (RFC 6066 §4).
MAX_FRAGMENT_BYTES = (512, 1024, 2048, 4096)
# CertificateType (RFC 7250); X.509 is the default.
_X509 = const(0)
_RAW_PUBLIC_KEY = const(2)


class ClientHello:
    """What is kept of the ClientHello until the server has answered it.

    Args:
        config: ClientConfig.
        random: 32 bytes.
        session_id: legacy_session_id, 32 bytes for middleboxes or none (RFC 8446 §D.4).
        shares: list of KeyShare, in order of preference; may be changed before a second `write`.

    Attributes:
        psks: psk_offer.PskOffer, or None where no key is offered; its binders are left open.
        cookie: what a HelloRetryRequest asked to be returned, or None.
        offered: extension types written last.
    """

    def __init__(self, config, random, session_id, shares):
        self.config = config
        self.random = random
        self.session_id = session_id
        self.shares = shares
        self.psks = None
        self.cookie = None
        self.offered = []

    def write(self, writer):
        """Write the message with its header."""
        writer.u8(_CLIENT_HELLO)
        message = writer.open(3)
        writer.u16(_TLS_1_2)  # legacy_version, RFC 8446 §4.1.2
        writer.raw(self.random)
        writer.vector8(self.session_id)
        _write_codes(writer, self.suites())
        writer.vector8(b"\x00")  # legacy_compression_methods: null only
        block = writer.open(2)
        self.offered = []
        self._write_extensions(writer)
        writer.close(block, 2)
        writer.close(message, 3)

    def suites(self):
        """Return the numbers of the cipher suites to offer."""
        return self.config.suites

    def _write_extensions(self, writer):
        self._write_common_extensions(writer)
        mark = self._begin(writer, _EXT_SUPPORTED_VERSIONS)
        writer.u8(2)
        writer.u16(_TLS_1_3)
        writer.close(mark, 2)
        self._write_key_extensions(writer)

    def _write_common_extensions(self, writer):
        """Write what does not depend on the version."""
        config = self.config
        if config.host_name is not None:
            mark = self._begin(writer, _EXT_SERVER_NAME)
            # RFC 6066 §3: ServerNameList<1..2^16-1> of one host_name(0), HostName<1..2^16-1>.
            names = writer.open(2)
            writer.u8(0)
            writer.vector16(config.host_name)
            writer.close(names, 2)
            writer.close(mark, 2)
        # RFC 8446 §9.2: what only a pre-shared key will do for needs neither groups nor schemes.
        if config.groups:
            self._write_list(writer, _EXT_SUPPORTED_GROUPS, config.groups)
        # §4.2.3: what signs a CertificateVerify, and apart from it what signs certificates; the
        # second goes for both where it is missing.
        handshake_schemes = config.handshake_schemes()
        if handshake_schemes:
            self._write_list(writer, _EXT_SIGNATURE_ALGORITHMS, handshake_schemes)
        if len(handshake_schemes) < len(config.signature_schemes):
            self._write_list(writer, _EXT_SIGNATURE_ALGORITHMS_CERT, config.signature_schemes)
        if config.alpn:
            mark = self._begin(writer, _EXT_APPLICATION_LAYER_PROTOCOL_NEGOTIATION)
            names = writer.open(2)
            for protocol in config.alpn:
                writer.vector8(protocol)
            writer.close(names, 2)
            writer.close(mark, 2)
        if config.trust is not None:
            self._write_certificate_types(writer)
        self._write_record_limits(writer)

    def _write_key_extensions(self, writer):
        """Write what TLS 1.3 exchanges keys by: the last extensions there are."""
        config = self.config
        if config.has_keys or config.ticket_bytes_max:
            # §4.2.9: they "MUST" go with a key, and are for the server's tickets as well.
            mark = self._begin(writer, _EXT_PSK_KEY_EXCHANGE_MODES)
            writer.vector8(bytes(config.psk_modes))
            writer.close(mark, 2)
        self._write_retry_extensions(writer)

    def _write_certificate_types(self, writer):
        """Write the types we can show and those we take, where they are not X.509 (RFC 7250 §3)."""
        config = self.config
        if config.public_key_info is not None:
            own = (_RAW_PUBLIC_KEY, _X509) if config.certificates else (_RAW_PUBLIC_KEY,)
            mark = self._begin(writer, _EXT_CLIENT_CERTIFICATE_TYPE)
            writer.vector8(bytes(own))
            writer.close(mark, 2)
        if tuple(config.certificate_types) != (_X509,):
            mark = self._begin(writer, _EXT_SERVER_CERTIFICATE_TYPE)
            writer.vector8(bytes(config.certificate_types))
            writer.close(mark, 2)

    def _write_record_limits(self, writer):
        config = self.config
        if config.max_fragment_bytes is not None:
            mark = self._begin(writer, _EXT_MAX_FRAGMENT_LENGTH)  # RFC 6066 §4: 1 is 2^9
            writer.u8(MAX_FRAGMENT_BYTES.index(config.max_fragment_bytes) + 1)
            writer.close(mark, 2)
        if config.record_size_limit is not None:
            mark = self._begin(writer, _EXT_RECORD_SIZE_LIMIT)  # RFC 8449 §4
            writer.u16(config.record_size_limit)
            writer.close(mark, 2)

    def _write_retry_extensions(self, writer):
        """Write the extensions that a HelloRetryRequest changes."""
        if self.cookie is not None:
            mark = self._begin(writer, _EXT_COOKIE)
            writer.vector16(self.cookie)
            writer.close(mark, 2)
        if self.config.groups:
            mark = self._begin(writer, _EXT_KEY_SHARE)
            shares = writer.open(2)
            for share in self.shares:
                writer.u16(share.group)
                writer.vector16(self._public_key(share))
            writer.close(shares, 2)
            writer.close(mark, 2)
        if self.psks is not None:
            # §4.2.11: it "MUST be the last extension in the ClientHello".
            mark = self._begin(writer, _EXT_PRE_SHARED_KEY)
            self.psks.write(writer)
            writer.close(mark, 2)

    def _public_key(self, share):
        phase = self.config.phase
        before = None if phase is None else phase("key_share")
        key = share.public_key()
        if phase is not None:
            phase(before)
        return key

    def _write_list(self, writer, extension, codes):
        mark = self._begin(writer, extension)
        _write_codes(writer, codes)
        writer.close(mark, 2)

    def _begin(self, writer, extension):
        """Begin an extension; `close` with the mark that is returned ends it."""
        self.offered.append(extension)
        writer.u16(extension)
        return writer.open(2)

    def share_of(self, group):
        """Return the KeyShare sent for a group, or None."""
        for share in self.shares:
            if share.group == group:
                return share
        return None


def bytes_max(config) -> int:
    """Return the size of the largest ClientHello of a configuration, a cookie of no bytes in it."""
    largest_share = max([0] + [4 + key_exchange.share_bytes(group) for group in config.groups])
    at_once = sum([4 + key_exchange.share_bytes(group) for group in config.key_share_groups])
    keys = 0
    if config.has_keys:
        from tlscore import psk_offer  # noqa: PLC0415 -- only where there are keys

        keys = psk_offer.bytes_max(config)
    return (
        # header, legacy_version, random, session id, suites, compression, length of the block
        (4 + 2 + RANDOM_BYTES + 33 + 2 + 2 * len(config.suites) + 2 + 2)
        + (0 if config.host_name is None else 9 + len(config.host_name))
        + (6 + 2 * len(config.groups))
        + (6 + 2 * len(config.handshake_schemes()))
        + (6 + 2 * len(config.signature_schemes))
        + (6 + sum([1 + len(protocol) for protocol in config.alpn]))
        + (5 + len(config.certificate_types))
        + (5 + 2)  # client_certificate_type
        + 6  # record_size_limit
        + 5  # max_fragment_length
        + 7  # supported_versions
        + (5 + len(config.psk_modes))
        + 6  # cookie
        + (6 + max(largest_share, at_once))
        + keys
    )


def _write_codes(writer, codes):
    mark = writer.open(2)
    for code in codes:
        writer.u16(code)
    writer.close(mark, 2)
