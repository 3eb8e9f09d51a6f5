"""What the build makes of a module is what executing it makes.

Every module is described twice, name by name, on a board that has it in flash as objects and on
MicroPython's unix port, which executes it: values of constants, names and kinds of functions,
classes with bases and members, instances with attributes. That functions compute the same is shown
by the vectors and the handshakes.
"""

import pytest

from hil import boot, build, image, paths, target

# Runs on both. Long descriptions are compared by their hash: a result has to fit a small board.
DESCRIBE = """
import binascii, builtins, hashlib, sys

PLAIN = (int, str, bytes)

def described(value, inside=False):
    kind = type(value)
    if value is None or isinstance(value, PLAIN):
        return repr(value)
    if kind is tuple:
        return "(" + ",".join([described(item, inside) for item in value]) + ")"
    if kind is type(sys):
        return "module " + value.__name__
    if kind is type:
        text = "class " + value.__name__ + described(value.__bases__, True)
        return text if inside else text + members(value.__dict__, ("__module__", "__qualname__"))
    if hasattr(value, "__name__"):
        return kind.__name__ + " " + value.__name__
    if hasattr(value, "__dict__"):
        return kind.__name__ + members(value.__dict__)
    return kind.__name__

def members(names, without=()):
    kept = [name for name in sorted(names) if name not in without]
    return "{" + ",".join([name + "=" + described(names[name], True) for name in kept]) + "}"

def namespace(link, name):
    module = __import__(name, None, None, ("*",))
    found = {}
    for each in dir(module):
        value = getattr(module, each)
        # Submodules are there from the start in flash, and once imported elsewhere. Names of
        # builtins are there under which they are used.
        if each in ("__file__", "__path__") or type(value) is type(sys):
            continue
        if hasattr(builtins, each) and value is getattr(builtins, each):
            continue
        text = described(value)
        if len(text) > 60:
            digest = hashlib.sha256(text.encode()).digest()
            text = text[:20] + str(binascii.hexlify(digest), "ascii")
        found[each] = text
    return found
"""
# In this the two interpreters are meant to differ: the size of a word; whether there is os.urandom.
BY_INTERPRETER = (("tlscore.crypto.chacha20", "_BATCH_BLOCKS"), ("tlscore.entropy", "urandom"))
# And these are modules, which are not described, or None: kinds of back ends the images have.
KINDS = ("thumb", "viper", "tables")


@pytest.fixture(scope="module")
def boards(tmp_path_factory):
    """Return the board that executes and the one that does not."""
    made = []
    for name, heap_bytes in (("unix", 4_194_304), ("qemu-cortexm", 1_048_576)):
        facts = target.load(paths.targets_dir() / f"{name}.toml")
        log_dir = tmp_path_factory.mktemp(name)
        made.append(
            boot.boot(facts, build.ensure(facts.image), log_dir=log_dir, heap_bytes=heap_bytes)
        )
        made[-1].install("describe", DESCRIBE)
    yield made
    for board in made:
        board.close()


def test_every_module_has_the_same_namespace_placed_and_executed(boards):
    executing, placed = boards
    names = [
        path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for path in build.modules_of(image.load(placed.target.image))
        if path in build.frozen_modules()  # machine code is for one core, not the other
    ]
    compared = 0
    different = {}
    for name in sorted(names):
        assert executing.origins(name) == {name: "frozen"}
        assert placed.origins(name) == {name: "rom"}
        expected, found = (
            board.call("describe:namespace", name, timeout_s=30) for board in (executing, placed)
        )
        for module, each in BY_INTERPRETER:
            if module == name:
                assert expected.pop(each) != found.pop(each)
        if name == "tlscore.crypto.selftest":
            for kind in KINDS:
                assert expected.pop(kind, None) in (None, "None")
                assert found.pop(kind, None) in (None, "None")
        compared += len(found)
        for each in expected.keys() | found.keys():
            if expected.get(each) != found.get(each):
                different[name, each] = expected.get(each), found.get(each)
    print(f"{compared} names of {len(names)} modules compared")
    assert different == {}
    assert compared > 1000
