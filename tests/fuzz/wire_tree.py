"""TLS messages and DER as trees whose fields a fuzzer changes one at a time.

A message is decoded by a form (what RFC 8446 says stands where), a field of it is changed, and the
whole is encoded again with lengths that are right, unless the change is to a length itself. So a
change reaches the check it is about, instead of ending at the first length that does not fit.
Independent of tlscore: what cannot be decoded is an error of the test.

The changes are drawn from a `Draw`: the fuzzer's bytes, read from the front; when they are used up
everything drawn is zero, and the change is none.
"""

FIXED, VECTOR, EXTENSIONS = "fixed", "vector", "extensions"
CODES = (VECTOR, 2, [(FIXED, 2)])
# What stands in the extensions that are worth looking into; others are one field.
CONTENTS = {
    0: [(VECTOR, 2, [(FIXED, 1), (VECTOR, 2, None)])],
    10: [CODES],
    13: [CODES],
    16: [(VECTOR, 2, [(VECTOR, 1, None)])],
    41: [(VECTOR, 2, [(VECTOR, 2, None), (FIXED, 4)]), (VECTOR, 2, [(VECTOR, 1, None)])],
    43: [(VECTOR, 1, [(FIXED, 2)])],
    45: [(VECTOR, 1, None)],
    47: [(VECTOR, 2, [(VECTOR, 2, None)])],
    50: [CODES],
    51: [(VECTOR, 2, [(FIXED, 2), (VECTOR, 2, None)])],
}
# In a ServerHello the same extensions are not lists.
ANSWERS = {43: [(FIXED, 2)], 51: [(FIXED, 2), (VECTOR, 2, None)], 41: [(FIXED, 2)]}
HELLO = [(FIXED, 2), (FIXED, 32), (VECTOR, 1, None)]
FORMS = {
    1: [*HELLO, CODES, (VECTOR, 1, None), (EXTENSIONS, CONTENTS)],
    2: [*HELLO, (FIXED, 2), (FIXED, 1), (EXTENSIONS, ANSWERS)],
    4: [(FIXED, 4), (FIXED, 4), (VECTOR, 1, None), (VECTOR, 2, None), (EXTENSIONS, {})],
    8: [(EXTENSIONS, CONTENTS)],
    11: [(VECTOR, 1, None), (VECTOR, 3, [(VECTOR, 3, None), (EXTENSIONS, {})])],
    13: [(VECTOR, 1, None), (EXTENSIONS, CONTENTS)],
    15: [(FIXED, 2), (VECTOR, 2, None)],
    20: [(FIXED, None)],
    24: [(FIXED, 1)],
}
INTERESTING = tuple(map(bytes.fromhex, ("", "00", "01", "7f", "80", "ff", "0000", "ffff", "0a0a")))


class Draw:
    """Decisions read from a fuzzer's bytes."""

    def __init__(self, data):
        self._data = bytes(data)
        self._at = 0

    def spent(self):
        return self._at >= len(self._data)

    def byte(self):
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def below(self, limit):
        """Return a number in range(limit)."""
        value = self.byte()
        if limit > 256:
            value = value << 8 | self.byte()
        return value % limit

    def octets(self):
        """Return some octets: telling ones, or drawn ones."""
        choice = self.byte()
        if choice < 0xC0:
            return INTERESTING[choice % len(INTERESTING)]
        return bytes(self.byte() for _ in range(choice & 0x1F))

    def pieces(self, data):
        """Yield `data` in pieces of sizes that are drawn, the last one as large as need be."""
        at = 0
        while at < len(data):
            size = len(data) if self.spent() else 1 + self.below(300)
            yield data[at : at + size]
            at += size


class Node:
    """A field: octets, or nodes; with a length before it if `length_bytes` is not 0."""

    def __init__(self, length_bytes, content):
        self.length_bytes = length_bytes
        self.content = content
        self.length_error = 0

    def encode(self):
        content = self.content
        if isinstance(content, list):
            content = b"".join(node.encode() for node in content)
        if not self.length_bytes:
            return content
        limit = 1 << 8 * self.length_bytes
        return ((len(content) + self.length_error) % limit).to_bytes(
            self.length_bytes, "big"
        ) + content

    def fields(self):
        """Return this node and all below it."""
        found = [self]
        if isinstance(self.content, list):
            for node in self.content:
                found += node.fields()
        return found


class Element(Node):
    """An element of DER: its length is in the form that DER wants."""

    def __init__(self, tag, content):
        Node.__init__(self, 1, content)
        self.tag = tag

    def encode(self):
        content = self.content
        if isinstance(content, list):
            content = b"".join(node.encode() for node in content)
        size = max(0, len(content) + self.length_error)
        if size < 0x80:
            return bytes([self.tag, size]) + content
        octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
        return bytes([self.tag, 0x80 | len(octets)]) + octets + content


def decode_all(forms, data):
    """Decode `data` by forms one after the other; return the nodes and what is left."""
    nodes = []
    for form in forms:
        node, data = _decode(form, data)
        nodes.append(node)
    return nodes, data


def _decode(form, data):
    if form[0] == FIXED:
        size = len(data) if form[1] is None else form[1]
        return Node(0, data[:size]), data[size:]
    length_bytes = 2 if form[0] == EXTENSIONS else form[1]
    end = length_bytes + int.from_bytes(data[:length_bytes], "big")
    content, rest = data[length_bytes:end], data[end:]
    if form[0] == EXTENSIONS:
        return Node(2, _extensions(form[1], content)), rest
    if form[2] is None:
        return Node(length_bytes, content), rest
    items = []
    while content:
        nodes, content = decode_all(form[2], content)
        items.append(Node(0, nodes))
    return Node(length_bytes, items), rest


def _extensions(contents, data):
    nodes = []
    while data:
        kind, end = data[:2], 4 + int.from_bytes(data[2:4], "big")
        inner = data[4:end]
        form = contents.get(int.from_bytes(kind, "big")) if inner else None
        nodes.append(Node(0, [Node(0, kind), Node(2, _extension(form, inner))]))
        data = data[end:]
    return nodes


def _extension(form, octets):
    """Return the content of an extension: nodes if the form is its own, or else its octets."""
    if form is None:
        return octets
    nodes, _ = decode_all(form, octets)
    return nodes if b"".join(node.encode() for node in nodes) == octets else octets


def decode_message(message):
    """Return a handshake message as a tree."""
    nodes, rest = decode_all(FORMS[message[0]], message[4:])
    assert not rest
    tree = Node(0, [Node(0, message[:1]), Node(3, nodes)])
    assert tree.encode() == message
    return tree


def decode_der(data):
    """Return elements of DER, one after the other, as a tree."""
    nodes = []
    while data:
        start, size = 2, data[1]
        if size & 0x80:
            start += size & 0x7F
            size = int.from_bytes(data[2:start], "big")
        content = data[start : start + size]
        nodes.append(Element(data[0], decode_der(content).content if data[0] & 0x20 else content))
        data = data[start + size :]
    return Node(0, nodes)


def change(tree, draw):
    """Change one field of a tree as drawn; nothing if nothing is left to draw."""
    if draw.spent():
        return
    fields = tree.fields()
    node = fields[draw.below(len(fields))]
    what = draw.below(8)
    if isinstance(node.content, list):
        _change_list(node, what, draw)
    else:
        _change_octets(node, what, draw)
    if isinstance(node, Element) and what == 7:
        node.tag = draw.byte()


def _change_list(node, what, draw):
    items = node.content
    at = draw.below(len(items)) if items else 0
    if what == 0:
        del items[at : at + 1]
    elif what == 1 and items:
        items.insert(at, items[at])
    elif what == 2 and items:
        items.append(items.pop(at))
    elif what == 3:
        items.insert(at, Node(0, draw.octets()))
    elif what == 4:
        node.content = []
    elif what == 5:
        node.length_error = draw.below(7) - 3
    elif what == 6 and items:
        node.content = items * (1 + draw.below(40))


def _change_octets(node, what, draw):
    content = bytearray(node.content)
    at = draw.below(len(content)) if content else 0
    if what == 0:
        content = bytearray(draw.octets())
    elif what == 1 and content:
        content[at] ^= 1 << draw.below(8)
    elif what == 2:
        content[at:at] = draw.octets()
    elif what == 3:
        del content[at : at + 1 + draw.below(8)]
    elif what == 4 and content:
        content[at] = draw.byte()
    elif what == 5:
        node.length_error = draw.below(7) - 3
    elif what == 6:
        content *= 1 + draw.below(40)
    node.content = bytes(content)


def changed_message(message, draw):
    """Return a handshake message with a field or two changed as drawn."""
    tree = decode_message(message)
    for _ in range(1 + draw.below(3)):
        change(tree, draw)
    return tree.encode()


def changed_der(data, draw):
    """Return DER with an element or two changed as drawn."""
    tree = decode_der(data)
    for _ in range(1 + draw.below(3)):
        change(tree, draw)
    return tree.encode()
