"""The engine of the peer `pyopenssl`: the OpenSSL inside of `cryptography`, by memory BIOs.

pyOpenSSL has calls for most of it; groups, signature schemes and external keys are set by the
bindings it stands on. Alerts are those that OpenSSL's info callback tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from functools import partial
from typing import Any

from OpenSSL import SSL

from hil.tlsrig import names
from hil.tlsrig.engines.channel import Account, Channel, EndedError, run
from hil.tlsrig.peers.openssl import SUITES_OF_TLS12

_EXPORTER_BYTES = 32
_ALERT_READ, _ALERT_WRITE = 0x4004, 0x4008  # SSL_CB_READ_ALERT, SSL_CB_WRITE_ALERT
_BIO_BYTES = 65536
_ALLOW_NO_DHE_KEX = 1 << 10  # SSL_OP_ALLOW_NO_DHE_KEX
_NO_EXTENDED_MASTER = 1 << 0  # SSL_OP_NO_EXTENDED_MASTER_SECRET
_SEND_FALLBACK_SCSV = 0x80  # SSL_MODE_SEND_FALLBACK_SCSV
_TLS12 = 0x0303
_CODES = {name: code for code, name in names.ALL_SUITES.items()}
_SESSION_CALLBACKS: list[object] = []  # cffi's callbacks live as long as something holds them

_lib: Any = SSL._lib  # type: ignore[attr-defined]
_ffi: Any = SSL._ffi  # type: ignore[attr-defined]


class Connection:
    """One connection through memory BIOs."""

    def __init__(self, channel: Channel, context: SSL.Context, session: list[Any]) -> None:
        """Make one; `session` holds what it may resume and is given what can be resumed."""
        self.account = Account()
        self._channel = channel
        self._session = session
        # There may be something to read without another byte from the socket.
        self._unread = True
        self._tls: Any = SSL.Connection(context, None)
        self._tls.set_info_callback(self._on_info)
        if channel.is_server:
            self._tls.set_accept_state()
            return
        self._tls.set_connect_state()
        name = channel.options["server_name"]
        self._tls.set_tlsext_host_name(name.encode("ascii"))
        if channel.text("root"):
            parameters = _lib.SSL_get0_param(self._tls._ssl)
            _lib.X509_VERIFY_PARAM_set1_host(parameters, name.encode("ascii"), len(name))
        if session:
            self._tls.set_session(session[-1])

    def shake_hands(self) -> Mapping[str, str]:
        self._complete(self._tls.do_handshake)
        label = self._channel.options["exporter_label"].encode("ascii")
        suite = self._tls.get_cipher_name()
        suite = _CODES[SUITES_OF_TLS12.get(suite, suite)]
        version = names.code_of(names.VERSIONS, self._tls.get_protocol_version_name())
        return {
            "version": f"{version:04x}",
            "suite": f"{suite:04x}",
            "exporter": self._tls.export_keying_material(label, _EXPORTER_BYTES, None).hex(),
            "resumed": str(int(self._is_resumed())),
        }

    def pending(self) -> bool:
        return self._unread

    def read(self) -> bytes:
        if not self._unread:
            self._receive()
            self._unread = True
        data: bytes = self._complete(lambda: self._tls.recv(_BIO_BYTES), waits=False)
        self._unread = bool(data)
        return data

    def write(self, data: bytes) -> None:
        step = self._channel.number("max_record_bytes") or len(data)
        done = 0
        while done < len(data):  # where less was negotiated it takes no more than a record
            done += self._complete(partial(self._tls.send, data[done : done + step]))

    def say_goodbye(self) -> None:
        if not self.account.close_sent:
            self._tls.shutdown()
            self._flush()

    def _receive(self) -> None:
        data = self._channel.receive()
        if data:
            self._tls.bio_write(data)
        else:
            self._tls.bio_shutdown()

    def _complete(self, call: Callable[[], Any], *, waits: bool = True) -> Any:
        """Make a call again with more bytes until it is done; it may be the connection's end.

        One that does not wait for more bytes returns b"" where it would have to.
        """
        while True:
            try:
                done = call()
            except SSL.WantReadError:
                self._flush()
                if not waits:
                    return b""
                self._receive()
                continue
            except SSL.ZeroReturnError:
                self._keep_session()
                raise EndedError from None
            except SSL.Error as error:
                self._flush()
                self.account.reason = _reason(error)
                raise EndedError from None
            self._flush()
            return done

    def _flush(self) -> None:
        try:
            while True:
                self._channel.send(self._tls.bio_read(_BIO_BYTES))
        except SSL.WantReadError:
            pass  # nothing is left to send

    def _keep_session(self) -> None:
        if not self._channel.is_server:
            self._session.append(self._tls.get_session())

    def _is_resumed(self) -> bool:
        # An external key is a session to OpenSSL, too.
        return not self._channel.text("psk") and bool(_lib.SSL_session_reused(self._tls._ssl))

    def _on_info(self, _connection: object, where: int, code: int) -> None:
        alert = code & 0xFF
        if where == _ALERT_READ:
            if alert == 0:
                self.account.close_received = True
            elif self.account.alert_received < 0:
                self.account.alert_received = alert
        elif where == _ALERT_WRITE:
            if alert == 0:
                self.account.close_sent = True
            elif self.account.alert_sent < 0:
                self.account.alert_sent = alert


def begin(channel: Channel) -> Callable[[], Connection]:
    """Set OpenSSL up as the options say."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_keylog_callback(lambda _, line: channel.log_secret(line.decode("ascii")))
    context.set_session_cache_mode(SSL.SESS_CACHE_BOTH)
    if channel.is_server:
        context.set_session_id(b"hil")
    _choose(channel, context)
    if channel.text("chain"):
        context.use_certificate_chain_file(channel.options["chain"])
        context.use_privatekey_file(channel.options["key"])
    if channel.text("root"):
        context.load_verify_locations(channel.options["root"])
        demand = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
        context.set_verify(demand)
    moment = channel.number("utc_seconds")
    if moment is not None:
        store = context.get_cert_store()
        assert store is not None
        store.set_time(datetime.fromtimestamp(moment, timezone.utc))
    if channel.text("psk"):
        _share_key(channel, context)
    session: list[Any] = []
    return lambda: Connection(channel, context, session)


def _choose(channel: Channel, context: SSL.Context) -> None:
    """Set versions, suites, groups, signature schemes and protocols."""
    versions = channel.codes("versions")
    context.set_min_proto_version(min(versions))
    context.set_max_proto_version(max(versions))
    suites = channel.codes("suites")
    newer = [names.SUITES[code] for code in suites if code in names.SUITES]
    if newer:
        context.set_tls13_ciphersuites(":".join(newer).encode("ascii"))
    older = [its for its, suite in SUITES_OF_TLS12.items() if _CODES[suite] in suites]
    # TLS 1.1 and 64-bit tags are below level 1.
    weak = min(versions) < _TLS12 or any("CCM_8" in names.ALL_SUITES[code] for code in suites)
    if weak or older:
        level = ":@SECLEVEL=0" if weak else ""
        context.set_cipher_list(f"{':'.join(older) or 'ALL'}{level}".encode("ascii"))
    if channel.text("extended_master_secret") == "0":
        context.set_options(_NO_EXTENDED_MASTER)
    if channel.text("tickets") == "0":
        context.set_options(SSL.OP_NO_TICKET)
    if channel.text("fallback") == "1":
        context.set_mode(_SEND_FALLBACK_SCSV)
    groups = [names.GROUPS[code] for code in channel.codes("groups")]
    if groups:
        _require(_lib.SSL_CTX_set1_curves_list(context._context, _text(groups)))
    schemes = [names.SIGNATURES[code] for code in channel.codes("signatures")]
    if schemes:
        _require(_lib.SSL_CTX_set1_sigalgs_list(context._context, _text(schemes)))
    protocols = [name.encode("ascii") for name in channel.texts("alpn")]
    if protocols and channel.is_server:
        context.set_alpn_select_callback(
            lambda _, offered: next(name for name in protocols if name in offered)
        )
    elif protocols:
        context.set_alpn_protos(protocols)


def _share_key(channel: Channel, context: SSL.Context) -> None:
    """Give OpenSSL an external key for TLS 1.2 and 1.3.

    By the callbacks of TLS 1.2, which OpenSSL uses for TLS 1.3 as well, with SHA-256.
    """
    identity = channel.options["psk_identity"].encode("ascii")
    key = bytes.fromhex(channel.options["psk"])

    @_ffi.callback("unsigned int(SSL *, const char *, unsigned char *, unsigned int)")  # type: ignore[untyped-decorator]
    def on_server(_ssl: object, named: Any, room: Any, room_bytes: int) -> int:
        if _ffi.string(named) != identity or len(key) > room_bytes:
            return 0
        _ffi.memmove(room, key, len(key))
        return len(key)

    @_ffi.callback(  # type: ignore[untyped-decorator]
        "unsigned int(SSL *, const char *, char *, unsigned int, unsigned char *, unsigned int)"
    )
    def on_client(
        _ssl: object, _hint: Any, name: Any, name_bytes: int, room: Any, room_bytes: int
    ) -> int:
        if len(identity) >= name_bytes or len(key) > room_bytes:
            return 0
        _ffi.memmove(name, identity + b"\0", len(identity) + 1)
        _ffi.memmove(room, key, len(key))
        return len(key)

    _SESSION_CALLBACKS.extend((on_server, on_client))
    if channel.is_server:
        _lib.SSL_CTX_set_psk_server_callback(context._context, on_server)
    else:
        _lib.SSL_CTX_set_psk_client_callback(context._context, on_client)
    if channel.text("psk_with_dhe") == "0":
        context.set_options(_ALLOW_NO_DHE_KEX)


def _text(words: list[str]) -> bytes:
    return ":".join(words).encode("ascii")


def _require(done: int) -> None:
    if done != 1:
        raise SystemExit("OpenSSL does not take what it is given")


def _reason(error: SSL.Error) -> str:
    """Return OpenSSL's own words for an error."""
    if isinstance(error, SSL.SysCallError):
        return str(error.args[-1])
    queue = error.args[0] if error.args else []
    return "; ".join(entry[-1] for entry in queue if entry[-1]) or type(error).__name__


if __name__ == "__main__":
    run(begin)
