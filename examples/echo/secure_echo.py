"""Echo over secure_sock: a blocking client, and a server that is driven by events; TLS and DTLS.

    secure_echo.py server tls 127.0.0.1 8443 "device 1" 000102030405060708090a0b0c0d0e0f
    secure_echo.py client tls 127.0.0.1 8443 "device 1" 000102030405060708090a0b0c0d0e0f

Only the stack and the transport differ between TLS and DTLS. With `native` for `tls` it is the TLS
of the interpreter's own module `ssl`, and in place of a key there are files (`hil certs all` makes
them; of the root the DER form is wanted):

    secure_echo.py server native 127.0.0.1 8443 localhost-chain.pem localhost-key.pem
    secure_echo.py client native 127.0.0.1 8443 ca.der localhost

On a board: `client` and `Server` take any transport (docs/sockets.md); farm_job.py uses them so.
"""

from tlscore.sockets import credentials, secure_sock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BUFFER_BYTES = 512


def client(
    sock: "Any",
    transport: "Any",
    name: "str | None",
    lines: "Any",
    timeout_ms: int,
    address: "Any" = None,
    renews: bool = True,
) -> "list[bytes]":
    """Say each line, and return what came back.

    Args:
        sock: secure_sock.SecureSock.
        name: server name the certificate must be for; None where a key alone will do.
        address: of the server, for datagrams.
        renews: have fresh keys for each line.
    """
    sock.connect(transport, name, timeout_ms, address)
    buffer = bytearray(_BUFFER_BYTES)
    answers: "list[bytes]" = []
    try:
        for line in lines:
            if (
                answers and renews
            ):  # over DTLS that is another session, and another client to the server
                sock.renew(timeout_ms=timeout_ms)
            sock.send(line, timeout_ms)
            answer = b""
            while len(answer) < len(line):
                count = sock.recv(buffer, timeout_ms)
                if not count:
                    break
                answer += bytes(memoryview(buffer)[:count])
            answers.append(answer)
    finally:
        sock.stop()
    return answers


class Server:
    """Says back what clients say.

    Args:
        socks: secure_sock.SecureSocks.
        sock: one of them, to listen with.
        transport: an acceptor, or for DTLS a transport of datagrams.

    Attributes:
        served: how many clients have come and ended.
        errors: what clients failed with.
    """

    def __init__(self, socks: "Any", sock: "Any", transport: "Any") -> None:
        self._socks = socks
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self.served = 0
        self.errors: "list[Exception]" = []
        self._sock = sock
        sock.on_receive = self._on_receive
        sock.on_disconnect = self._on_disconnect
        sock.on_error = self._on_error
        sock.listen(transport)

    def run(self, clients: int, timeout_ms: "int | None" = None) -> None:
        """Serve until so many clients have ended (0: for ever), or nothing happens for so long."""
        while not clients or self.served < clients:
            if not self._socks.poll(timeout_ms):
                break
        self._sock.stop()

    def _on_receive(self, sock: "Any") -> None:
        count = sock.recv(self._buffer, 0)
        sock.send(self._buffer[:count])

    def _on_disconnect(self, sock: "Any") -> None:
        sock.stop()
        self.served += 1

    def _on_error(self, _sock: "Any", error: Exception) -> None:
        self.errors.append(error)
        self.served += 1


def _tls(arguments: "Any") -> "tuple[Any, Any, dict[str, Any]]":
    """Return (stack, store of credentials, options) for TLS by a pre-shared key."""
    from tlscore.entropy import SystemEntropy
    from tlscore.sockets.tls_stack import TlsStack

    return TlsStack(SystemEntropy(), None), _key_of(arguments), {}


def _dtls(arguments: "Any") -> "tuple[Any, Any, dict[str, Any]]":
    """Return the same for DTLS."""
    from tlscore.entropy import SystemEntropy
    from tlscore.sockets.dtls_stack import DtlsStack

    # TLS_PSK_WITH_AES_128_CCM_8, what small devices have; without a key exchange.
    options = {"psk_modes": (0,), "suites": (0xC0A8,)}
    return DtlsStack(SystemEntropy(), None), _key_of(arguments), options


def _native(arguments: "Any") -> "tuple[Any, Any, dict[str, Any]]":
    """Return the same for the interpreter's own TLS, by certificates."""
    from tlscore.sockets.native_stack import NativeStack

    ssl: "Any"
    try:
        import ssl
    except ImportError:
        import tls as ssl  # MicroPython's, without the thin layer over it
    store = credentials.Credentials()
    if arguments.role == "client":
        store.add("echo", credentials.ROOTS, (_content(arguments.identity),))
    elif hasattr(ssl, "MemoryBIO"):  # CPython's wants the names of files
        store.add("echo", credentials.CERTIFICATE, (arguments.identity, arguments.key))
    else:
        identity = (_content(arguments.identity), _content(arguments.key))
        store.add("echo", credentials.CERTIFICATE, identity)
    return NativeStack(ssl), store, {}


def _key_of(arguments: "Any") -> "Any":
    store = credentials.Credentials()
    store.add("echo", credentials.PSK, (arguments.identity, arguments.key))
    return store


def _content(name: str) -> bytes:
    with open(name, "rb") as file:
        return file.read()


def main() -> None:
    """Run the command line."""
    from desk import LINES, TIMEOUT_MS, Arguments

    arguments = Arguments(has_kind=True)
    is_native = arguments.kind == "native"
    made = {"tls": _tls, "dtls": _dtls, "native": _native}[arguments.kind]
    stack, store, options = made(arguments)
    socks = secure_sock.init(stack, store, slots=2)
    sock = socks.create("echo", **options)
    if arguments.role == "client":
        name = arguments.key if is_native else None
        transport, address = arguments.transport(), arguments.address
        for answer in client(sock, transport, name, LINES, TIMEOUT_MS, address, not is_native):
            print(answer.decode().strip())
    else:
        server = Server(socks, sock, arguments.listening())
        server.run(arguments.clients)
        for error in server.errors:
            print(repr(error))


if __name__ == "__main__":
    main()
