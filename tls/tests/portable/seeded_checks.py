"""Every byte a connection sends follows from its seed: on CPython and on boards.

A client and a server of this core talk once on CPython. What each of them was given and told to do,
in order, is its script. With the same settings, seed included, and the same script it must send the
same bytes on every machine, whatever the machine's byte order and word size; the first byte that is
different names the bug.
"""

from tlscore.entropy import HmacDrbg
from tlscore.errors import TlsError

_TEXT = bytes(range(256)) * 2
# Who does what, the handshake first; after each they talk until neither has anything to say.
_CONVERSATION = (
    ("client", b""),
    ("client", "write"),
    ("server", "write"),
    ("client", "update keys"),
    ("server", "write"),
    ("client", "write"),
    ("client", "close"),
    ("server", "close"),
)


def connect(role, settings):
    """Return a connection.

    Args:
        role: "client" or "server".
        settings: dict of plain literals: `seed` (bytes), `suites`, `anchors`, `utc_seconds`,
            `server_name`, `groups`, `key_shares` and `schemes` of the client, `chain`,
            `private_key` and `server_groups` of the server.
    """
    entropy = HmacDrbg(settings["seed"] + role.encode())
    # An image may have one role only.
    if role == "client":
        from tlscore.client import ClientConnection
        from tlscore.clock import FixedClock
        from tlscore.config import ClientConfig
        from tlscore.trust import TrustAnchors

        config = ClientConfig(
            entropy,
            FixedClock(settings["utc_seconds"]),
            TrustAnchors(settings["anchors"]),
            settings["server_name"],
            suites=settings["suites"],
            groups=settings["groups"],
            key_share_groups=settings["key_shares"],
            signature_schemes=settings["schemes"],
            record_buffer_bytes=2048,
        )
        return ClientConnection(config)
    from tlscore.server import ServerConnection
    from tlscore.server_config import ServerConfig

    config = ServerConfig(
        entropy,
        settings["chain"],
        settings["private_key"],
        suites=settings["suites"],
        groups=settings["server_groups"],
        record_buffer_bytes=2048,
    )
    return ServerConnection(config)


def perform(connection, step):
    """Let a connection do one step of a script and return the bytes it then has to send.

    Args:
        step: bytes that came from the peer, or what to do: "write", "update keys", "close".
    """
    if step == "write":
        connection.write(_TEXT)
    elif step == "update keys":
        connection.update_keys(True)
    elif step == "close":
        connection.close()
    else:
        rest = memoryview(step)
        while len(rest) > 0:
            rest = rest[connection.receive(rest) :]
            connection.read()
    said = b""
    while len(connection.to_send()) > 0:  # what is sent makes room for more
        piece = bytes(connection.to_send())
        connection.sent(len(piece))
        said += piece
    return said


def converse(settings):
    """Let a client and a server talk.

    Returns:
        dict: role -> (its script, what it sent in each step).
    """
    connections = {role: connect(role, settings) for role in ("client", "server")}
    told = {role: ([], []) for role in connections}

    def do(role, step):
        said = perform(connections[role], step)
        script, sent = told[role]
        script.append(step)
        sent.append(said)
        return said

    for first, action in _CONVERSATION:
        said, role = do(first, action), first
        while said:
            role = "client" if role == "server" else "server"
            said = do(role, said)
    return told


def difference(expected, found):
    """Describe the first byte that is different, or return None."""
    for number, (wanted, said) in enumerate(zip(expected, found)):
        if wanted != said:
            place = 0
            while wanted[place : place + 1] == said[place : place + 1]:
                place += 1
            around = slice(max(0, place - 4), place + 12)
            return "step {}, byte {} of {}: {} instead of {}".format(
                number, place, len(wanted), said[around], wanted[around]
            )
    if len(expected) != len(found):
        return "{} steps instead of {}".format(len(found), len(expected))
    return None


def job(_link, role, settings, script):
    """Run as a job of the on-board agent: return what `role` sends in each step of a script.

    A side that has sent other bytes than it should cannot take what follows: that is the last step.
    """
    connection = connect(role, settings)
    sent = []
    try:
        for step in script:
            sent.append(perform(connection, step))
    except TlsError as error:
        sent.append(error.reason.encode())
    return sent
