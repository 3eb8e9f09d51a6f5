"""The README's list of reasons is the list of reasons."""

import ast
import pathlib
import re

TLS = pathlib.Path(__file__).parents[2]
README = (TLS / "README.md").read_text(encoding="utf-8")
TLS12 = (TLS / "TLS12.md").read_text(encoding="utf-8")
DTLS = (TLS / "DTLS.md").read_text(encoding="utf-8")
# What the caller gives says its reasons itself.
ELSEWHERE = ("__main__", "clock", "entropy", "trust", "verify_command")
REASON = re.compile(r"[a-z_]+\.[a-z_]+")


def reasons_in_source(folder):
    """Return every string constant handed to an error, or kept for one, in a folder's modules."""
    found = set()
    for path in folder.glob("*.py"):
        if path.stem.startswith(ELSEWHERE):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.update([node.value] if REASON.fullmatch(node.value) else [])
    # Raised by key_exchange on its own behalf and turned into key_share.invalid.
    return found - {"x25519.all_zero"}


def reasons_in_readme(page=README):
    table = page[page.index("## Reasons") : page.index("## Out of scope")]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([a-z_]+\.[a-z_]+)`", row)}


def test_every_reason_is_listed():
    # Put together from subject and offence.
    built = {
        "certificate_message.empty",
        "client_hello.max_fragment_length",
        "encrypted_extensions.max_fragment_length",
        "client_hello.record_size_limit",
        "encrypted_extensions.record_size_limit",
    }
    found = reasons_in_source(TLS / "tlscore") | built
    assert found - reasons_in_readme(TLS12) == reasons_in_readme() - reasons_in_readme(TLS12)
    assert reasons_in_source(TLS / "tlscore" / "tls12") <= reasons_in_readme() | reasons_in_readme(
        TLS12
    )


def test_every_reason_of_dtls_is_listed():
    known = reasons_in_readme() | reasons_in_readme(TLS12)
    found = reasons_in_source(TLS / "tlscore" / "dtls")
    assert found - known == reasons_in_readme(DTLS)


def test_every_file_of_dtls_is_mentioned():
    files = {path.stem for path in (TLS / "tlscore" / "dtls").glob("*.py")} - {"__init__"}
    assert {name for name in files if "`{}`".format(name) not in DTLS} == set()


def test_every_file_is_mentioned():
    of_tls12 = {path.stem for path in (TLS / "tlscore" / "tls12").glob("*.py")} - {"__init__"}
    assert {name for name in of_tls12 if "`{}`".format(name) not in TLS12} == set()
    files = {path.stem for path in (TLS / "tlscore").glob("*.py")} - {"__init__", "compat"}
    unmentioned = {name for name in files if "`{}`".format(name) not in README}
    assert {name for name in unmentioned if not name.startswith(ELSEWHERE)} == set()


def test_every_test_named_in_the_section_table_of_tls_1_2_exists():
    table = TLS12[TLS12.index("## RFC") : TLS12.index("## Reasons")]
    rows = [line.split("|")[4] for line in table.splitlines() if line.count("|") == 5]
    named = {name for row in rows for name in re.findall(r"`([a-z0-9_]+)`", row)}
    host = TLS / "tests" / "host" / "tls12"
    assert named == {path.stem[5:] for path in host.glob("test_*.py")}


def test_every_test_named_in_the_section_table_exists():
    table = README[README.index("## RFC 8446") : README.index("## Reasons")]
    named = set()
    for line in table.splitlines():
        if line.startswith("| ") and line.count("|") == 5:
            named.update(re.findall(r"`([a-z0-9_/]+)`", line.split("|")[4]))
    host = TLS / "tests" / "host"
    missing = [
        name
        for name in named
        if not (host / "test_{}.py".format(name)).exists() and not (host / name).is_dir()
    ]
    assert missing == []
