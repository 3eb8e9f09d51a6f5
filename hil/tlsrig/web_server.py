"""A real web server on loopback for boards to talk HTTPS with: nginx, as Debian packages it.

`WebServer` is one nginx in a folder of its own, with a configuration made for it: TLS 1.2 and 1.3,
keep-alive, PUT (its DAV module), bodies in chunks below `/chunked/` (server-side includes, which
make it forget a length), client certificates asked for where there is an authority for them. It is
a single supervised process that dies with the farm.

Its port is one that was free a moment before; should somebody be faster, it is started again on
another. (nginx takes no port 0, and its single process dies of a socket it inherits.)

Installing Debian's package would start a server on port 80 of the machine. So where there is none,
the package is downloaded by apt, which checks its signature, and unpacked into the farm's cache:
nothing is installed and no root is needed.

What it does not do: know the board's side (examples/https), or judge anything.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from hil import locks, paths, process
from hil.errors import MissingTool, PeerError
from hil.peer import Program, find_program

_INSTALL = "apt-get update, and try again: the package is unpacked into the cache, not installed"
# Debian's is in a folder that users do not have in their PATH.
_PLACES = f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin"
_STOP_GRACE_S = 2.0
_TRIES = 5
_PORT_TAKEN = "Address already in use"
_READY_TIMEOUT_S = 20.0
_PROBE_INTERVAL_S = 0.01
_DOWNLOAD_TIMEOUT_S = 300
_LOG_TAIL_BYTES = 2000

_CONFIGURATION = """\
daemon off;
master_process off;
pid "{folder}/nginx.pid";
error_log "{folder}/error.log" info;
events {{ worker_connections 64; }}
http {{
    access_log "{folder}/access.log";
    client_body_temp_path "{folder}/temporary";
    proxy_temp_path "{folder}/temporary";
    fastcgi_temp_path "{folder}/temporary";
    uwsgi_temp_path "{folder}/temporary";
    scgi_temp_path "{folder}/temporary";
    default_type application/octet-stream;
    # Boards take their time.
    client_header_timeout 600s;
    client_body_timeout 600s;
    send_timeout 600s;
    keepalive_timeout 600s;
    client_max_body_size {body_bytes_max};
    server {{
        listen 127.0.0.1:{port} ssl;
        server_name _;
        root "{folder}/files";
        ssl_certificate "{certificate}";
        ssl_certificate_key "{private_key}";
        ssl_protocols {protocols};
{clients}
        location / {{ }}
        location /chunked/ {{
            alias "{folder}/files/";
            ssi on;
            ssi_types application/octet-stream;
        }}
        location /once/ {{
            alias "{folder}/files/";
            keepalive_timeout 0;
        }}
        location /private/ {{
            alias "{folder}/files/";
            if ($ssl_client_verify != SUCCESS) {{ return 403; }}
        }}
        location /upload/ {{
            dav_methods PUT DELETE;
            create_full_put_path on;
        }}
    }}
}}
"""
_CLIENTS = """\
        ssl_client_certificate "{authority}";
        ssl_verify_client optional;
        ssl_verify_depth 3;
"""


@dataclass(frozen=True)
class Identity:
    """What a web server proves itself with, and whom it knows.

    Attributes:
        chain: its certificate and the intermediates, PEM.
        private_key: PEM.
        client_authority: the authority of clients' certificates, PEM; None: it asks for none.
    """

    chain: Path
    private_key: Path
    client_authority: Path | None = None


class WebServer:
    """One nginx; a context manager that ends it.

    Attributes:
        program: which nginx.
        address: where it listens.
        files: what it serves; what is put to `/upload/x` is in `upload/x` below it.
    """

    def __init__(
        self,
        folder: Path,
        identity: Identity,
        *,
        protocols: str = "TLSv1.2 TLSv1.3",
        body_bytes_max: int = 4 << 20,
    ) -> None:
        """Start it.

        Args:
            folder: an existing one for everything it writes.
            identity: what it proves itself with.
            protocols: versions of TLS, as nginx writes them.
            body_bytes_max: longer bodies are refused with status 413.

        Raises:
            MissingTool: there is no nginx.
            PeerError: it did not start.
        """
        self.program = program()
        self.files = folder / "files"
        self._folder = folder
        for name in ("files/upload", "temporary"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for _ in range(_TRIES):
            self.address = ("127.0.0.1", _free_port())
            self.process = self._start(identity, protocols, body_bytes_max)
            if self._is_ready():
                return
            if _PORT_TAKEN not in self.log():
                break
        said = process.obituary(self.process)
        self.close()
        raise PeerError(f"nginx {said} instead of listening on {self.address[1]}:\n{self.log()}")

    def connect(self, timeout_s: float = 10.0) -> socket.socket:
        """Return a new TCP connection to it.

        Raises:
            PeerError: it has ended.
        """
        try:
            return socket.create_connection(self.address, timeout_s)
        except OSError as error:
            said = process.obituary(self.process)
            raise PeerError(f"nginx {said}: {error}\n{self.log()}") from None

    def log(self) -> str:
        """Return the end of what it has complained of."""
        texts = []
        for name in ("output.log", "error.log"):
            path = self._folder / name
            if path.is_file():
                texts.append(path.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace"))
        return "".join(texts)

    def requests(self) -> list[str]:
        """Return the lines of its access log, the oldest request first."""
        path = self._folder / "access.log"
        return path.read_text("utf-8").splitlines() if path.is_file() else []

    def _start(self, identity: Identity, protocols: str, body_bytes_max: int) -> process.Child:
        folder = self._folder
        authority = identity.client_authority
        text = _CONFIGURATION.format(
            folder=folder,
            port=self.address[1],
            certificate=identity.chain,
            private_key=identity.private_key,
            protocols=protocols,
            clients="" if authority is None else _CLIENTS.format(authority=authority),
            body_bytes_max=body_bytes_max,
        )
        (folder / "nginx.conf").write_text(text, encoding="utf-8")
        argv = [self.program.path, "-p", str(folder), "-c", str(folder / "nginx.conf")]
        with (folder / "output.log").open("wb") as output:
            return process.supervised(
                [*argv, "-e", str(folder / "error.log")], stdout=output, stderr=output
            )

    def _is_ready(self) -> bool:
        """Wait until it accepts connections; False if it ends instead, or never does."""
        deadline = time.monotonic() + _READY_TIMEOUT_S
        while self.process.poll() is None and time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(self.address) == 0:
                    return True
            time.sleep(_PROBE_INTERVAL_S)
        return False

    def close(self) -> None:
        """End it; idempotent."""
        process.stop(self.process, grace_s=_STOP_GRACE_S)

    def __enter__(self) -> WebServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def program() -> Program:
    """Return the machine's nginx, or one in the farm's cache, unpacked now if need be.

    Raises:
        MissingTool: there is none, and apt cannot download it.
    """
    system = shutil.which("nginx", path=_PLACES)
    path = Path(system) if system else paths.cache_dir() / "nginx" / "usr" / "sbin" / "nginx"
    if not path.is_file():
        _unpack(path.parents[2])
    return find_program(str(path), ["-v"], r"nginx/([0-9.]+)", _INSTALL)


def _unpack(folder: Path) -> None:
    with locks.exclusive(folder.with_suffix(".lock"), lambda: None):
        if folder.is_dir():
            return
        # As root apt downloads as a user of its own, who gets into no home but into this one.
        with tempfile.TemporaryDirectory(prefix="hil-apt-") as name:
            Path(name).chmod(0o777)
            _run(["apt-get", "-qq", "download", "nginx"], Path(name))
            (package,) = Path(name).glob("nginx_*.deb")
            making = folder.with_suffix(".part")
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir(parents=True)
            _run(["dpkg-deb", "-x", str(package), str(making)], Path(name))
            making.replace(folder)


def _run(argv: list[str], folder: Path) -> None:
    program_path = shutil.which(argv[0], path=_PLACES)
    if program_path is None:
        raise MissingTool("nginx", "the package manager of this machine, which has no apt")
    try:
        done = subprocess.run(
            [program_path, *argv[1:]],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=_DOWNLOAD_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise MissingTool(f"nginx ({argv[0]} has not ended)", _INSTALL) from None
    if done.returncode != 0:
        raise MissingTool(f"nginx ({done.stderr.strip()[-200:]})", _INSTALL)
