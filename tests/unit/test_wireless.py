"""What a board needs to join a network, and which one connection becomes its link."""

from __future__ import annotations

import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from hil import paths, target, wireless
from hil.errors import InfraError, JobFailed, TargetFileError, WrongFirmware
from hil.link import LinkEndpoint
from hil.wireless import Access, Secret, access, join

PASSWORD = "correct horse"
TOKEN_BYTES = 16


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HIL_WIFI", *wireless._VARIABLES.values()):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    def write(text: str, mode: int = 0o600) -> Path:
        path = tmp_path / "wifi.toml"
        path.write_text(text)
        path.chmod(mode)
        return path

    return write


def test_credentials_come_from_a_file_and_the_environment_wins(file, monkeypatch) -> None:
    path = file(f'ssid = "lab"\npassword = "{PASSWORD}"\nlisten = "0.0.0.0:4700"\n')
    found = access(path)
    assert (bytes(found.ssid), bytes(found.password)) == (b"lab", PASSWORD.encode())
    assert (found.host, found.listen) == (None, ("0.0.0.0", 4700))
    monkeypatch.setenv("HIL_WIFI_SSID", "other")
    monkeypatch.setenv("HIL_WIFI_HOST", "192.0.2.1")
    assert (bytes(access(path).ssid), access(path).host) == (b"other", "192.0.2.1")
    monkeypatch.setenv("HIL_WIFI", str(path))
    assert bytes(access(None).password) == PASSWORD.encode()


def test_a_secret_does_not_show_itself() -> None:
    made = Access(Secret(b"lab"), Secret(PASSWORD.encode()))
    assert PASSWORD not in f"{made} {made!r} {made.password} {made.password!r}"
    assert repr(made.password) == "<secret>"


@pytest.mark.parametrize(
    ("text", "mode", "problem"),
    [
        ('ssid = "lab"', 0o644, "everybody may read it: chmod 600"),
        (f'password = "{PASSWORD}"', 0o600, "has no ssid; set HIL_WIFI_SSID and"),
        (f'ssid = "lab"\npassword = {PASSWORD}\n', 0o600, "is not TOML"),
        ('ssid = "lab"\npasword = "x"\n', 0o600, "pasword: the file has strings ssid, password"),
        ('ssid = "lab"\npassword = 12345678\n', 0o600, "password: the file has strings"),
        (f'ssid = "{"x" * 33}"', 0o600, "ssid is longer than 32 bytes"),
        ('ssid = "lab"\nlisten = "here:http"', 0o600, "has the form ADDRESS or ADDRESS:PORT"),
    ],
)
def test_a_file_that_is_not_fit_is_refused_without_being_quoted(file, text, mode, problem) -> None:
    with pytest.raises(InfraError, match=problem) as met:
        access(file(text, mode))
    shown = traceback.TracebackException.from_exception(met.value, capture_locals=True)
    frames = "".join(shown.format()).split("in access\n", 1)[1]
    assert PASSWORD not in frames


def test_a_file_in_a_repository_is_refused(file, tmp_path) -> None:
    (tmp_path / ".git").mkdir()
    with pytest.raises(InfraError, match=r"is in the repository .*; keep it outside of any"):
        access(file('ssid = "lab"'))


def test_a_machine_that_knows_no_network_says_where_to_put_it(tmp_path) -> None:
    with pytest.raises(InfraError, match="no wireless network is known: the environment has no"):
        access(None)
    with pytest.raises(InfraError, match=r"wifi: .*nowhere: No such file"):
        access(tmp_path / "nowhere")


# ---- joining, with boards that are threads


class Board:
    """A board whose jobs are functions of the test's."""

    def __init__(self, **jobs: Callable[..., object]) -> None:
        here, self.inner = socket.socketpair()
        self.link = LinkEndpoint(here, carries_end=False)
        self.raw = self.heard = b""
        self._jobs = {"join": self._join, **jobs}
        self._executor = ThreadPoolExecutor(1)
        self._running: Future[object] | None = None

    def close(self) -> None:
        self._executor.shutdown()
        self.link.close()
        self.inner.close()

    def install(self, module: str, source: str) -> None:
        compile(source, module, "exec")

    def start(self, function: str, *arguments: object) -> None:
        job = self._jobs[function.removeprefix("hil_wireless:")]
        self._running = self._executor.submit(job, *arguments)

    def wait(self, timeout_s: float) -> object:
        assert self._running is not None
        return self._running.result(timeout_s)

    def call(self, function: str, *arguments: object, timeout_s: float) -> object:
        self.start(function, *arguments)
        return self.wait(timeout_s)

    def _join(self, _timeout_ms: int, mask: bytes) -> object:
        self.raw = self.inner.recv(len(mask), socket.MSG_WAITALL)
        self.heard = bytes(one ^ other for one, other in zip(self.raw, mask, strict=True))
        return "joined", "127.0.0.1"


Boards = Callable[..., Board]


@pytest.fixture
def boards() -> Iterator[Boards]:
    with ExitStack() as ends:

        def make(**jobs: Callable[..., object]) -> Board:
            return ends.enter_context(closing(Board(**jobs)))

        yield make


ALLOWED = Access(Secret(b"lab"), Secret(PASSWORD.encode()))


def connect(host: str, port: int, token: bytes, _timeout_s: int) -> None:
    with socket.create_connection((host, port)) as own:
        own.sendall(token)
        assert own.recv(1) == b"+"
        own.sendall(b"from the board")


def test_the_connection_that_shows_the_token_is_the_link_and_no_other_comes_after(
    boards: Boards,
) -> None:
    ports = []

    def noted(host: str, port: int, token: bytes, timeout_s: int) -> None:
        ports.append(port)
        connect(host, port, token, timeout_s)

    board = boards(connect=noted)
    link = join(board, ALLOWED, join_s=5, connect_s=5)
    assert board.heard == b"\x03lab" + bytes([len(PASSWORD)]) + PASSWORD.encode()
    assert PASSWORD[:4].encode() not in board.raw  # a board that starts anew may print that
    assert link.receive_exactly(14, 5) == b"from the board"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", ports[0]))
    link.close()


def test_strangers_are_closed_and_do_not_hold_the_board_up(boards: Boards) -> None:
    fates: list[bytes] = []

    def stranger(host: str, port: int, said: bytes) -> None:
        with socket.create_connection((host, port)) as own:
            own.sendall(said)
            fates.append(own.recv(1))

    def beside(host: str, port: int, token: bytes, timeout_s: int) -> None:
        silent = [socket.create_connection((host, port)) for _ in range(20)]
        wrong = threading.Thread(target=stranger, args=(host, port, bytes(TOKEN_BYTES)))
        wrong.start()
        wrong.join(5)
        connect(host, port, token, timeout_s)
        for own in silent:
            own.close()

    link = join(boards(connect=beside), ALLOWED, join_s=5, connect_s=10)
    assert link.receive_exactly(14, 5) == b"from the board"
    assert fates == [b""]
    link.close()


def test_a_board_that_does_not_get_through_is_told_with_address_and_port(boards: Boards) -> None:
    def blocked(host: str, port: int, _token: bytes, _timeout_s: int) -> None:
        raise JobFailed("OSError", "[Errno 113] EHOSTUNREACH", "")

    with pytest.raises(
        InfraError, match=r"joined the network as 127\.0\.0\.1 .* at 127\.0\.0\.1, port .*EHOSTUN"
    ):
        join(boards(connect=blocked), ALLOWED, join_s=1, connect_s=0.2)


@pytest.mark.parametrize(
    ("answer", "kind", "problem"),
    [
        (
            ("lost", "STAT_WRONG_PASSWORD"),
            InfraError,
            "network: its password is wrong",
        ),
        (("lost", -7), InfraError, "the radio's status is -7"),
        (
            JobFailed("ImportError", "no module named 'network'", ""),
            WrongFirmware,
            "no radio: no m",
        ),
        (JobFailed("OSError", "Wifi Internal Error", ""), InfraError, "refuses: OSError: Wifi Int"),
    ],
)
def test_a_board_that_does_not_join_says_why(boards, answer, kind, problem) -> None:
    def fails(_timeout_ms: int, _mask: bytes) -> object:
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(kind, match=problem):
        join(boards(join=fails), ALLOWED, join_s=1, connect_s=1)


def test_a_fixed_port_that_another_board_has_for_a_moment_is_waited_for(
    boards, monkeypatch
) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    where = taken.getsockname()
    monkeypatch.setattr(wireless.time, "sleep", lambda _: taken.close())
    allowed = Access(Secret(b"lab"), Secret(), listen=where)
    link = join(boards(connect=connect), allowed, join_s=5, connect_s=5)
    assert link.receive_exactly(14, 5) == b"from the board"
    link.close()


@pytest.mark.parametrize(
    ("network", "problem"),
    [
        ('device = "e1000"', "network.radio: missing"),
        (
            'device = "e1000"\nradio = "wlan"',
            "network.device: boards of class attached have a radio",
        ),
        ('radio = "bluetooth"', "network.radio: 'bluetooth' is none of 'wlan'"),
    ],
)
def test_a_board_on_a_cable_has_a_radio_for_a_network(tmp_path, network, problem) -> None:
    text = (paths.targets_dir() / "esp8266.toml").read_text()
    changed = tmp_path / "esp8266.toml"
    changed.write_text(text.replace('radio = "wlan"', network))
    with pytest.raises(TargetFileError, match=problem):
        target.load(changed)
    (over_air,) = target.over_network([target.load(paths.targets_dir() / "esp8266.toml")])
    assert (over_air.name, over_air.link.driver) == ("esp8266-net", "net")
