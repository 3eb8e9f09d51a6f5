"""Echo over a blocking socket, as with Python's module `ssl`; one client after the other.

ssl_echo.py server 127.0.0.1 8443 "device 1" 000102030405060708090a0b0c0d0e0f
ssl_echo.py client 127.0.0.1 8443 "device 1" 000102030405060708090a0b0c0d0e0f
"""

from tlscore.sockets.tls_socket import Context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def client(context: "Any", socket: "Any", lines: "Any", timeout_s: int) -> "list[bytes]":
    """Say each line, and return what came back."""
    with context.wrap_socket(socket, timeout_s=timeout_s) as tls:
        answers = []
        for line in lines:
            tls.sendall(line)
            answers.append(tls.readline())
        return answers


def serve(context: "Any", socket: "Any", timeout_s: int) -> None:
    """Say back what one client says, until it ends."""
    with context.wrap_socket(socket, timeout_s=timeout_s) as tls:
        line = tls.readline()
        while line:
            tls.sendall(line)
            line = tls.readline()


def main() -> None:
    """Run the command line."""
    from desk import LINES, TIMEOUT_MS, Arguments, client_config, server_config

    from tlscore.errors import TlsError

    arguments = Arguments()
    timeout_s = TIMEOUT_MS // 1000
    if arguments.role == "client":
        context = Context(client_config(arguments))
        for answer in client(context, arguments.tcp(), LINES, timeout_s):
            print(answer.decode().strip())
        return
    context = Context(server_config(arguments))
    listener = arguments.tcp_listener()
    left = arguments.clients
    while True:
        try:
            serve(context, listener.accept()[0], timeout_s)
        except (OSError, TlsError) as error:
            print(repr(error))
        left -= 1
        if not left:
            break
    listener.close()


if __name__ == "__main__":
    main()
