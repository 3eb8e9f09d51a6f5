"""Modules in flash, on every image: they cost no heap and behave like any other."""

import pytest

from hil import build, image

IMPORT_ALL = """
import gc, sys
def import_all():
    for name in {names!r}:
        __import__(name)
gc.collect()
before = gc.mem_alloc(), len(sys.modules)
import_all()
gc.collect()
print(gc.mem_alloc() - before[0], len(sys.modules) - before[1])
"""


def names(image_name):
    paths = build.modules_of(image.load(image_name))
    return sorted(
        path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in paths
    )


def test_importing_every_module_of_the_core_leaves_nothing_on_the_heap(board, facts):
    # tlscore.aio is of what it is for: asyncio, which is upstream's and keeps its state in RAM.
    ours = [name for name in names(facts.image) if name.startswith("tlscore")]
    program = IMPORT_ALL.format(names=[name for name in ours if name != "tlscore.aio"])
    heap_bytes, registered = map(int, board.run(program).split())
    assert registered == 0
    assert heap_bytes <= 64  # the names below which the results were noted


def test_a_module_is_the_same_however_it_is_imported(board):
    board.run(
        "import tlscore.crypto.hmac as first\n"
        "from tlscore.crypto import hmac as second\n"
        "from tlscore.crypto.hmac import equal\n"
        "import tlscore\n"
        "third = __import__('tlscore.crypto.hmac', None, None, ('equal',))\n"
        "assert first is second is third is tlscore.crypto.hmac\n"
        "assert __import__('tlscore.crypto.hmac') is tlscore\n"
        "assert equal is first.equal and first.__name__ == 'tlscore.crypto.hmac'\n"
        "assert equal.__name__ == 'equal' and equal(b'a', b'a') and not equal(b'a', b'b')"
    )


@pytest.mark.parametrize(
    "statement",
    ["import nowhere", "import tlscore.nowhere", "from tlscore import nowhere",
     "from tlscore.errors import nowhere", "__import__('tlscore.errors.nowhere')"],
)  # fmt: skip
def test_what_is_not_there_is_an_import_error(board, statement):
    board.send(statement)
    assert "ImportError" in board.answer()[1]


@pytest.mark.parametrize(
    "statement",
    ["errors.TlsError = 1", "errors.new = 1", "del errors.TlsError",
     "errors.TlsError.new = 1", "del errors.TlsError.__init__", "hashes.SHA256.size = 1",
     "hashes.SHA256.new_name = 1", "errors.__dict__['new'] = 1"],
)  # fmt: skip
def test_storing_into_what_is_in_flash_is_an_ordinary_error(board, statement):
    board.run("from tlscore import errors\nfrom tlscore.crypto import hashes")
    board.send(statement)
    error = board.answer()[1]
    assert "AttributeError" in error or "TypeError" in error, error
    assert board.evaluate("hashes.SHA256.size") == 32


def test_classes_in_flash_have_subclasses_instances_and_exceptions_like_any_other(board):
    board.run(
        "from tlscore.errors import PeerMisbehaved, TlsError\n"
        "class Own(PeerMisbehaved):\n"
        "    def __init__(self):\n"
        "        super().__init__('own.reason', 47)\n"
        "try:\n"
        "    raise Own()\n"
        "except TlsError as error:\n"
        "    assert (error.reason, error.alert) == ('own.reason', 47)\n"
        "    assert error.args == ('own.reason',)\n"
        "assert issubclass(Own, TlsError) and issubclass(PeerMisbehaved, Exception)\n"
        "assert PeerMisbehaved.__bases__ == (TlsError,) and TlsError.__name__ == 'TlsError'\n"
        "plain = TlsError('some.reason')\n"
        "plain.extra = 5\n"
        "assert plain.extra == 5 and plain.alert is None and str(plain) == 'some.reason'"
    )


@pytest.mark.not_on("lm3s6965-dtls-client")  # no line numbers
def test_an_error_in_flash_has_a_traceback_with_file_and_line(board):
    board.send("from tlscore.crypto import aead\naead.aes_128_gcm(b'short')")
    error = board.answer()[1]
    assert 'File "tlscore/crypto/aead.py", line ' in error
    assert "ValueError: aead.key_size" in error
