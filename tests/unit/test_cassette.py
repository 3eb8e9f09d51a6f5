"""Cassettes: what is written is read back, and a damaged file is refused with its key."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hil.tlsrig import cassette
from hil.tlsrig.cassette import Cassette, CassetteError, Taped, Turn

HELLO = bytes.fromhex("1603010004") + b"\x01\x00\x00\x00"
SECRET = bytes.fromhex("1703030020") + bytes(range(32))
OPTIONS = {
    "seed": bytes(range(48)),
    "anchors": [(b"name", (1, b"key"))],
    "suites": (0x1301,),
    "server_name": "localhost",
    "identity": None,
    "compatible": True,
}
RESULT = {"connected": True, "reason": None, "echo": [(1, True)], "exporter": b""}
FIRST = Taped(OPTIONS, RESULT, (Turn("board", HELLO), Turn("peer", SECRET * 2 + b"\x17\x03")))
SECOND = Taped(
    OPTIONS,
    RESULT,
    (
        Turn("peer", b"hello, not TLS"),
        Turn("board", HELLO + SECRET),
        Turn("peer", b"\xff"),
        Turn("board", SECRET),
    ),
)
GOOD = Cassette("tls13-some", "openssl", "3.5.4", (FIRST, SECOND))


def damaged(directory: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    path = cassette.write(GOOD, directory)
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    return path


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = cassette.write(GOOD, tmp_path / "new")
    assert path.name == "tls13-some.openssl.json"
    assert cassette.read(path) == GOOD


def test_tuples_and_lists_stay_what_they_are(tmp_path: Path) -> None:
    options = cassette.read(cassette.write(GOOD, tmp_path)).connections[0].options
    assert options["anchors"] == [(b"name", (1, b"key"))]
    assert options["suites"] == (0x1301,)


def test_a_record_is_one_line_and_an_encrypted_one_shows_its_header(tmp_path: Path) -> None:
    lines = cassette.write(GOOD, tmp_path).read_text().splitlines()
    assert f'     "{HELLO.hex()}"' in lines
    assert f'     "{SECRET[:5].hex()} AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="' in lines
    assert '     "1703"' in lines  # a record that is not complete


def test_reads_are_the_counts_at_which_the_peer_waits() -> None:
    assert FIRST.reads == (2 * len(SECRET) + 2,)
    assert SECOND.reads == (14, 15)
    assert SECOND.said_by("board") == HELLO + SECRET + SECRET


def test_what_no_board_is_told_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    wrong = Taped({**OPTIONS, "when": 1.5}, RESULT, FIRST.exchange)
    with pytest.raises(TypeError, match="holds no float"):
        cassette.write(Cassette("a", "b", "c", (wrong,)), tmp_path)


DAMAGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "schema": (lambda d: d.update(schema="hil-cassette/2"), r"\$\.schema: 'hil-cassette/1' was"),
    "no peer": (lambda d: d.pop("peer"), r"\$: 'peer' is a required property"),
    "unknown key": (lambda d: d.update(speed=3), r"\$: .*'speed' was unexpected"),
    "no connection": (lambda d: d["connections"].clear(), r"\$\.connections: \[\]"),
    "no seed": (
        lambda d: d["connections"][0]["options"].pop("seed"),
        r"\$\.connections\[0\]\.options: 'seed' is a required property",
    ),
    "no hexadecimal": (
        lambda d: d["connections"][0]["options"]["seed"].update(bytes="0"),
        r"\$\.connections\[0\]\.options\.seed",
    ),
    "a number with a point": (
        lambda d: d["connections"][1]["result"].update(reason=0.5),
        r"\$\.connections\[1\]\.result\.reason",
    ),
    "no result": (
        lambda d: d["connections"][1].pop("result"),
        r"\$\.connections\[1\]: 'result' is a required property",
    ),
    "a stranger speaks": (
        lambda d: d["connections"][0]["exchange"].append({"mallory": ["00"]}),
        r"\$\.connections\[0\]\.exchange\[2\]",
    ),
    "silence": (
        lambda d: d["connections"][0]["exchange"].append({"board": []}),
        r"\$\.connections\[0\]\.exchange\[2\]",
    ),
    "half a byte": (
        lambda d: d["connections"][0]["exchange"].append({"board": ["123"]}),
        r"\$\.connections\[0\]\.exchange\[2\]",
    ),
    "base64 cut off": (
        lambda d: d["connections"][0]["exchange"].append({"board": ["1703030003 AAA"]}),
        r"\$\.connections\[0\]\.exchange\[2\]\.board\[0\]: Incorrect padding",
    ),
    "two turns in a row": (
        lambda d: d["connections"][0]["exchange"].append({"peer": ["00"]}),
        r"\$\.connections\[0\]\.exchange\[2\]: the peer has two turns in a row",
    ),
    "another name": (
        lambda d: d.update(scenario="tls13-other"),
        r"\$\.scenario, \$\.peer: this file would be called tls13-other\.openssl\.json",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_refused_with_file_and_key(name: str, tmp_path: Path) -> None:
    change, message = DAMAGES[name]
    path = damaged(tmp_path, change)
    with pytest.raises(CassetteError, match=message) as caught:
        cassette.read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value)) < len(str(path)) + 400


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"null"])
def test_what_is_no_json_object_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.openssl.json"
    path.write_bytes(content)
    with pytest.raises(CassetteError, match=r"a\.openssl\.json: "):
        cassette.read(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CassetteError, match=r"none\.json: not a readable cassette"):
        cassette.read(tmp_path / "none.json")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CassetteError, match="file"):
        cassette.write(GOOD, tmp_path / "file" / "folder")


def test_the_scenarios_of_a_folder_are_those_of_the_chosen_peers(tmp_path: Path) -> None:
    for scenario, peer in (("b", "openssl"), ("a", "openssl"), ("a", "gnutls"), ("c", "gnutls")):
        cassette.write(Cassette(scenario, peer, "1", (FIRST,)), tmp_path)
    (tmp_path / "README.md").touch()
    assert cassette.scenarios_in(tmp_path, ["openssl"]) == ["a", "b"]
    assert cassette.scenarios_in(tmp_path, ["gnutls", "openssl"]) == ["a", "b", "c"]
    assert cassette.peers_in(tmp_path) == ["gnutls", "openssl"]
    assert cassette.peers_in(tmp_path, "b") == ["openssl"]
    assert cassette.peers_in(tmp_path, "d") == []


SHIPPED = sorted(cassette.shipped().glob("*.json"))


@pytest.mark.parametrize("path", SHIPPED, ids=[path.stem for path in SHIPPED])
def test_the_farms_own_cassettes_are_whole_small_and_up_to_date(path: Path) -> None:
    from hil.tlsrig import replay, scenario

    found = cassette.read(path)
    replay.require_current(scenario.load_all()[found.scenario], found)
    assert path.stat().st_size < 40_000
