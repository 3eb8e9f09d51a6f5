"""Every image of an emulated board by itself: booted in QEMU and talked to over plain sockets.

Nothing of the farm but the build and the board's facts is used here, so a failure is the image's
own. All tests run on each emulated target; a claim that only some can make names them in
`only_on`. Programs run through the raw REPL (Ctrl-A, program, Ctrl-D; answer "OK", output, 0x04,
error, 0x04, ">").
"""

import ast
import json
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from hil import build, readiness, target

PROMPT = b">>> "
RAW_PROMPT = b"raw REPL; CTRL-B to exit\r\n>"
WAIT_S = 30


class Machine:
    """One QEMU with the image, its console, its data link and its QMP."""

    def __init__(self, facts, firmware, folder, *, shift=True, heap_bytes=None, qmp=True, more=()):
        self.facts = facts
        self.firmware = firmware
        self.folder = folder
        self._console = b""
        how = facts.boot.arguments
        argv = [how["program"], "-machine", how["machine"], "-nodefaults", "-nic", "none"]
        argv += ["-display", "none", "-monitor", "none", "-no-reboot"]
        argv += ["-cpu", how["cpu"]] if "cpu" in how else []
        if shift is not None:
            argv += ["-icount", f"shift={how['icount_shift'] if shift is True else shift}"]
        # Without QMP to hold it back, it must not print before there is a listener.
        wait = "off" if qmp else "on"
        for name in ("console", "link"):
            socket_path = folder / name
            argv += ["-chardev", f"socket,id={name},path={socket_path},server=on,wait={wait}"]
        argv += ["-serial", "chardev:console"]
        if "link_device" in how:
            argv += ["-device", f"{how['link_device']},chardev=link"]
        else:
            argv += [*["-serial", "null"] * (facts.link.uart - 1), "-serial", "chardev:link"]
        if qmp:
            argv += ["-S", "-qmp", f"unix:{folder}/qmp,server=on,wait=off"]
        if heap_bytes is not None:
            address = firmware.symbols["hil_heap_bytes_config"]
            data = int.from_bytes(heap_bytes.to_bytes(4, facts.endian), "little")
            argv += ["-device", f"loader,addr={address:#x},data={data:#x},data-len=4"]
        argv += ["-kernel", str(firmware.path), *more]
        self.process = subprocess.Popen(argv, stderr=subprocess.PIPE)
        self.console = self._connect("console")
        self.link = self._connect("link")
        self._open = [self.console, self.link]
        if qmp:
            connection = self._connect("qmp")
            self._qmp = connection.makefile("rwb")
            self._open += [self._qmp, connection]
            json.loads(self._qmp.readline())
            self.qmp("qmp_capabilities")

    def _connect(self, name):
        deadline = time.monotonic() + WAIT_S
        while True:
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(str(self.folder / name))
            except (FileNotFoundError, ConnectionRefusedError):
                connection.close()
                assert self.process.poll() is None, self.process.stderr.read()
                assert time.monotonic() < deadline, f"QEMU opened no {name}"
                time.sleep(0.005)
            else:
                connection.settimeout(WAIT_S)
                return connection

    def qmp(self, command, **arguments):
        request = {"execute": command, "arguments": arguments}
        self._qmp.write(json.dumps(request).encode() + b"\n")
        self._qmp.flush()
        while True:
            answer = json.loads(self._qmp.readline())
            if "event" not in answer:
                return answer["return"]

    def start(self):
        self.qmp("cont")
        return self

    def until(self, text):
        while text not in self._console:
            received = self.console.recv(65536)
            assert received, f"the machine ended; its last words: {self._console!r}"
            self._console += received
        before, _, self._console = self._console.partition(text)
        return before

    def take(self, count):
        while len(self._console) < count:
            self._console += self.console.recv(4096)
        taken, self._console = self._console[:count], self._console[count:]
        return taken

    def last_words(self):
        """Wait until the machine has ended by itself; return what is left on the console."""
        self.process.wait(WAIT_S)
        while True:
            try:
                received = self.console.recv(65536)
            except ConnectionResetError:
                received = b""
            if not received:
                return self._console.decode()
            self._console += received

    def raw_repl(self):
        self.until(PROMPT)
        self.console.sendall(b"\x01")
        self.until(RAW_PROMPT)
        return self

    def send(self, program):
        self.console.sendall(program.encode() + b"\x04")

    def answer(self):
        output = self.until(b"\x04>")
        assert output.startswith(b"OK"), output
        text, _, error = output[2:].partition(b"\x04")
        return text.decode(), error.decode()

    def run(self, program):
        self.send(program)
        text, error = self.answer()
        assert error == "", error
        return text

    def evaluate(self, expression):
        return ast.literal_eval(self.run(f"print(repr(({expression})))"))

    def memory(self, start, end):
        path = self.folder / "memory"
        self.qmp("memsave", val=start, size=end - start, filename=str(path))
        return path.read_bytes()

    def stack(self):
        return tuple(self.firmware.symbols[f"hil_stack_{end}"] for end in ("bottom", "top"))

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        for connection in self._open:
            connection.close()


EMULATED = [board for board in target.load_all().values() if board.klass == "emulated"]


@pytest.fixture(scope="module", params=EMULATED, ids=lambda board: board.name)
def facts(request):
    """Return the facts of one emulated board; every test here runs on all of them."""
    lacking = readiness.missing(request.param)
    if lacking:
        pytest.skip("; ".join(lacking))
    return request.param


@pytest.fixture(scope="module")
def firmware(facts):
    return build.ensure(facts.image)


def pytest_configure(config):
    config.addinivalue_line("markers", "only_on(image, ...): the images a claim is about")
    config.addinivalue_line("markers", "not_on(image, ...): those that leave out what it needs")


@pytest.fixture(autouse=True)
def _only_on(request, facts):
    marker = request.node.get_closest_marker("only_on")
    if marker is not None and facts.image not in marker.args:
        pytest.skip(f"a claim about {', '.join(marker.args)}")
    marker = request.node.get_closest_marker("not_on")
    if marker is not None and facts.image in marker.args:
        pytest.skip(f"image {facts.image} leaves out what it needs")


@pytest.fixture
def machine(facts, firmware):
    """Make machines that are ended when the test is."""
    made = []
    with tempfile.TemporaryDirectory(prefix="hil-") as folder:

        def make(**options):
            place = Path(folder, str(len(made)))
            place.mkdir()
            made.append(Machine(facts, firmware, place, **options))
            return made[-1]

        yield make
        for each in made:
            each.close()


@pytest.fixture
def board(machine):
    """One machine at the raw REPL prompt."""
    return machine().start().raw_repl()
