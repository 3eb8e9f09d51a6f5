"""TLS 1.2 as tests see it: flights taken apart into fields, changed, and put together again.

Only fields are changed: lengths around them are made anew, so that one thing is wrong and all else
right. Nothing here knows tlscore.
"""

from server_messages import message, vector

HANDSHAKE, ALERT, CHANGE_CIPHER_SPEC = 22, 21, 20


def records(octets):
    """Return [(content type, content)] of a flight."""
    found = []
    while octets:
        end = 5 + int.from_bytes(octets[3:5], "big")
        found.append((octets[0], octets[5:end]))
        octets = octets[end:]
    return found


def record(content_type, content):
    """Return a record of TLS 1.2."""
    return bytes((content_type, 3, 3)) + vector(2, content)


def messages(flight):
    """Return [(type, body)] of the handshake messages in the clear at the start of a flight."""
    content = b""
    for content_type, part in records(flight):
        if content_type != HANDSHAKE:
            break
        content += part
    found = []
    while content:
        end = 4 + int.from_bytes(content[1:4], "big")
        found.append((content[0], content[4:end]))
        content = content[end:]
    return found


def flight(parts, content_type=HANDSHAKE):
    """Return a flight of handshake messages, a record each."""
    return b"".join(record(content_type, message(kind, body)) for kind, body in parts)


class Hello:
    """A ClientHello or ServerHello in fields.

    Attributes:
        version, random, session_id, suites, compressions: octets; of a server the choices.
        extensions: [(type, content)], in order.
    """

    def __init__(self, body, of_client):
        self.of_client = of_client
        self.version, self.random = body[:2], body[2:34]
        self.session_id, body = _take(1, body[34:])
        if of_client:
            self.suites, body = _take(2, body)
            self.compressions, body = _take(1, body)
        else:
            self.suites, self.compressions, body = body[:2], body[2:3], body[3:]
        self.extensions = []
        block = _take(2, body)[0] if body else b""
        while block:
            kind = int.from_bytes(block[:2], "big")
            content, block = _take(2, block[2:])
            self.extensions.append((kind, content))

    def put(self, kind, content):
        """Put an extension in place of the one of its type, or behind the others."""
        if kind in dict(self.extensions):
            self.extensions = [
                (kind, content) if row[0] == kind else row for row in self.extensions
            ]
        else:
            self.extensions.append((kind, content))
        return self

    def drop(self, *kinds):
        self.extensions = [row for row in self.extensions if row[0] not in kinds]
        return self

    def body(self):
        """Return the message's body."""
        block = b"".join(kind.to_bytes(2, "big") + vector(2, x) for kind, x in self.extensions)
        chosen = self.suites + self.compressions
        if self.of_client:
            chosen = vector(2, self.suites) + vector(1, self.compressions)
        start = self.version + self.random + vector(1, self.session_id) + chosen
        return start + (vector(2, block) if self.extensions else b"")


def _take(size, octets):
    end = size + int.from_bytes(octets[:size], "big")
    return octets[size:end], octets[end:]
