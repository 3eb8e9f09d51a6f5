"""Where nginx comes from, and what is said where there is none."""

import stat

import pytest

from hil.errors import MissingTool
from hil.tlsrig import web_server

NGINX = "#!/bin/sh\necho 'nginx version: nginx/1.2.3' >&2\n"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine without nginx, with its own PATH and cache; returns a maker of its programs."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("HIL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(web_server, "_PLACES", str(programs))

    def program(name, text):
        path = programs / name
        path.write_text(text)
        path.chmod(stat.S_IRWXU)

    return program


def test_one_that_is_installed_is_used(machine):
    machine("nginx", NGINX)
    assert web_server.program().version == "1.2.3"


def test_one_that_is_not_is_downloaded_and_unpacked_once(machine, tmp_path):
    log = tmp_path / "log"
    machine("apt-get", f'#!/bin/sh\necho "$@" >> {log}\ntouch nginx_1.2.3_all.deb\n')
    unpack = 'mkdir -p "$3/usr/sbin"'
    fake = f'cat > "$3/usr/sbin/nginx" <<\'END\'\n{NGINX}END\nchmod +x "$3/usr/sbin/nginx"'
    machine("dpkg-deb", f'#!/bin/sh\ntest "$1" = -x || exit 1\n{unpack}\n{fake}\n')
    for _ in range(2):
        found = web_server.program()
        assert found.version == "1.2.3"
        assert found.path.startswith(str(tmp_path / "cache"))
    assert log.read_text() == "-qq download nginx\n"


def test_without_network_it_says_what_apt_said_and_what_to_do(machine, tmp_path):
    machine("apt-get", "#!/bin/sh\necho 'E: no such host' >&2\nexit 100\n")
    with pytest.raises(MissingTool, match=r"E: no such host.*apt-get update"):
        web_server.program()
    assert not (tmp_path / "cache" / "nginx").exists()


def test_without_apt_it_says_what_to_install(machine):
    with pytest.raises(MissingTool, match=r"nginx.*is not installed; install it with"):
        web_server.program()
