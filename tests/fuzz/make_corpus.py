"""Write corpus/: what the fuzzer starts from, a few small inputs for each target.

    python tests/fuzz/make_corpus.py

For the parsers: the messages of handshakes of this core's client with its server, of the test
doubles, and well-formed ones put together (tls/tests/host/fuzz_targets.py). For targets that take
their input as instructions: one change of each kind to each message. Keys are new in every run of
this script, so the files change when it runs again, but not their kinds.
"""

import shutil

import drive
import wire_targets
from server_double import ServerDouble
from wire_targets import IDENTITY, TARGETS, bench, fuzz_targets

PARSERS = {
    1: "client_hello",
    2: "server_hello",
    8: "encrypted_extensions",
    11: "certificate",
    13: "certificate_request",
    15: "certificate_verify",
    20: "finished",
}


def messages():
    """Return handshake messages of both roles, as our client and our server wrote them."""
    server = ServerDouble(IDENTITY, request_certificate=True, alpn=b"h2")
    client = wire_targets.new_client(
        alpn=(b"h2",), certificates=tuple(IDENTITY.chain), private_key=wire_targets.KEY
    )
    wire_targets.hand_over(client, server)
    client.receive(wire_targets.plain_record(22, server.server_hello()))
    client.receive(server.send_key.protect(22, b"".join(server.flight())))
    wire_targets.hand_over(client, server)
    one = bench(clock=wire_targets.CLOCK, trust=wire_targets.TRUST)
    one.hello()
    return [*server.client_messages, *one.flight]


def inputs():
    """Return {target: [input]}."""
    found = {name: list(seeds) for name, seeds in fuzz_targets.SEEDS.items()}
    for message in messages():
        if message[0] in PARSERS:
            found[PARSERS[message[0]]].append(message[4:])
    found["records"] += [wire_targets.plain_record(22, message)[:300] for message in messages()[:1]]
    found["trust_store"] = [wire_targets.STORE, wire_targets.STORE[:48]]
    # The first byte chooses the message or the kind, the next ones field and change (Draw).
    for name in set(TARGETS) - set(found):
        found[name] = [
            bytes([first, field, change, place, octets])
            for first, field, change, place, octets in (
                (0, 0, 9, 0, 1),
                (1, 1, 17, 3, 5),
                (2, 0, 4, 1, 1),
                (3, 2, 8, 5, 9),
                (4, 0, 6, 2, 7),
                (5, 1, 3, 7, 2),
                (6, 0, 2, 4, 6),
            )
        ]
    return found


def main():
    shutil.rmtree(drive.HERE / "corpus", ignore_errors=True)
    for name, seeds in sorted(inputs().items()):
        file = drive.corpus_file(name)
        file.parent.mkdir(exist_ok=True)
        file.write_text("".join(f"{data.hex()}\n" for data in dict.fromkeys(seeds)))


if __name__ == "__main__":
    main()
