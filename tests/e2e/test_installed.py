"""The node as an agency installs it: the image of deploy/container, and the unit of deploy/systemd, both started by
the commands of deploy/README.md. Needs what `make image` built.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers import ROOT, Signers, cleared, guide, limits, run, until
from tools.image import podman

pytestmark = pytest.mark.container

BUILT = {f"lib{path.stem}.so.1" for path in (ROOT / "exchange_node/kernels").glob("*.c")}
# Carried out in the image, as its user.
LOOK = """
import hashlib, json, os, pathlib, shutil, sys
home = pathlib.Path("/opt/exchange-node")
(packages,) = home.glob("lib/python*/site-packages")
ours = [p for name in ("exchange_node", "exchange_cli") for p in (packages / name).rglob("*") if p.is_file()]
names = {"tests", "demo", "benchmarks", "policies", "Containerfile", "pyproject.toml", "Makefile", "pip.conf"}
print(json.dumps({
    "uid": os.getuid(),
    "files": {str(p.relative_to(packages)): hashlib.sha256(p.read_bytes()).hexdigest() for p in ours},
    "builders": [name for name in ("cc", "gcc", "g++", "c++", "as", "ld", "make", "git") if shutil.which(name)],
    "left": [name for name in ("/source", "/etc/pip.conf", os.path.expanduser("~root/.cache"), "/run/secrets/pip")
             if os.path.lexists(name)]
        + [str(p) for top in (home, packages) for p in top.iterdir() if p.name in names],
    "open": [str(p) for p in home.rglob("*") if not p.is_symlink() and os.access(p, os.W_OK)],
}))
"""


def sources() -> dict[str, str]:
    """SHA-256 of every file of the two packages, by the name it has when installed."""
    found = {}
    for folder, installed in (("exchange_node", "exchange_node"), ("cli", "exchange_cli")):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and path.name not in BUILT:
                name = Path(installed) / path.relative_to(ROOT / folder)
                found[name.as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def test_the_image_holds_this_checkout_and_nothing_to_build_with(image: str) -> None:
    seen = json.loads(run(podman("run", "--rm", *limits(), "--entrypoint", "python", image, "-c", LOOK)))
    files = {name: digest for name, digest in seen.pop("files").items() if "__pycache__" not in name}
    for name in BUILT:  # built there, from the source that is compared
        assert files.pop(f"exchange_node/kernels/{name}", None), name
    assert files == sources(), "the image is of another state of this checkout: run `make image`"
    assert seen == {"uid": 10001, "builders": [], "left": [], "open": []}
    (described,) = json.loads(run(podman("image", "inspect", image)))
    config = described["Config"]
    assert (config["User"], config["Entrypoint"], config["Cmd"]) == ("10001:10001", ["exchange"], ["serve", "--json"])
    assert (list(config["Volumes"]), list(config["ExposedPorts"])) == (["/srv/exchange"], ["7400/tcp"])


@pytest.fixture
def shell(image: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """An environment in which `docker` is Podman, without a network."""
    file = tmp_path / "docker"
    with_limits = f'[ "$verb" = run ] && set -- {" ".join(limits())} "$@"'
    quoted = " ".join(f"'{word}'" for word in podman())
    file.write_text(f'#!/bin/sh\nverb=$1; shift\n{with_limits}\nexec {quoted} "$verb" "$@"\n')
    file.chmod(0o755)
    with cleared("exchange-node", "exchange-home"):
        yield {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}


def inside(container: str, script: str) -> str:
    """What a script prints that must succeed in a running container."""
    return run(podman("exec", container, "bash", "-euo", "pipefail", "-c", script))


def status_of(text: str) -> dict[str, str]:
    """What says how restricted a process is, of its /proc/PID/status."""
    status = dict(re.findall(r"^(\w+):\s+(\S+)", text, re.MULTILINE))
    return {name: status[name] for name in ("Uid", "Gid", "CapBnd", "CapEff", "CapPrm", "NoNewPrivs", "Seccomp")}


RESTRICTED = dict.fromkeys(("CapBnd", "CapEff", "CapPrm"), "0" * 16) | {"NoNewPrivs": "1", "Seccomp": "2"}


def test_the_guides_commands_make_a_container_that_serves_and_ends_well(
    image: str, shell: dict[str, str], tmp_path: Path
) -> None:
    signers = Signers(tmp_path)
    build, make_home, copy_join, serve, accept, doctor = guide("container")
    assert build.startswith("docker build -f deploy/container/Containerfile "), "`make image` builds that"

    def do(command: str) -> str:
        return run(["bash", "-ec", command], cwd=tmp_path, env=shell)

    assert "Made the home of northgate-homes" in do(make_home)
    do(copy_join)
    signers.sign(tmp_path / "join.json")
    do(serve)

    def serving() -> bool:
        looked = podman("exec", "exchange-node", "test", "-e", "/srv/exchange/home/serving.pid")
        return subprocess.run(looked, capture_output=True).returncode == 0

    until(serving, "the container serves")
    assert "Manifest 1 is in force" in do(accept)
    assert "Nothing is wrong." in do(doctor)

    assert status_of(inside("exchange-node", "cat /proc/1/status")) == RESTRICTED | {"Uid": "10001", "Gid": "10001"}
    inside(
        "exchange-node", "grep -E '^[^ ]+ / [^ ]+ ro' /proc/mounts; grep -E '^Max core file size +0 +0' /proc/1/limits"
    )
    refused = subprocess.run(
        podman("run", "--rm", *limits(), "-v", "exchange-home:/srv/exchange", image), capture_output=True, text=True
    )
    assert refused.returncode == 6 and "store.in-use" in refused.stdout + refused.stderr

    do("docker stop exchange-node")
    assert run(podman("inspect", "--format", "{{.State.ExitCode}}", "exchange-node")) == "0\n"
    logged = subprocess.run(podman("logs", "exchange-node"), capture_output=True, text=True).stderr.splitlines()
    assert [json.loads(line)["event"] for line in logged] == ["node.serving", "node.listening-anew", "node.stopped"]
    do("docker start exchange-node")
    until(serving, "the container serves again")


# Run as what the service is, before it starts: the doctor, whose policy is compiled in memory; and what must not be.
PROBE = """[Service]
ExecStartPre=/opt/exchange-node/.venv/bin/exchange doctor
ExecStartPre=/bin/sh -c 'touch /tmp/x && ! touch /srv/open/x && ! ls /home && ! unshare -U true && ! test -e /proc/1'
"""
DROP_IN = "/etc/systemd/system/exchange-node.service.d/probe.conf"
# A user of the image stands where `useradd` is to make one, and the image has no checkout with a .venv.
AS_IF_MADE_HERE = """
userdel exchange
find /srv/exchange -mindepth 1 -delete
ln -s . /opt/exchange-node/.venv
mkdir -m 1777 /srv/open
"""
INIT = """
cd /opt/exchange-node
runuser -u exchange -- .venv/bin/exchange --home /srv/exchange init --organisation northgate-homes --type housing \
  --address node.northgate.example:7400 --listen 0.0.0.0:7400 --root /papers/root.json --records /papers/records.toml
"""
ACCEPT = "runuser -u exchange -- /opt/exchange-node/.venv/bin/exchange --home /srv/exchange manifest accept "


@pytest.fixture
def machine(image: str, tmp_path: Path) -> Iterator[str]:
    """The image's files, booted: systemd is process 1, and has the rights that it needs for that."""
    name, deploy = "exchange-machine", ROOT / "deploy"
    rights = ["--systemd=always", "--user=0", "--cap-add=SYS_ADMIN,SYS_PTRACE", "--security-opt=seccomp=unconfined"]
    folders = [f"--volume={deploy}:/opt/exchange-node/deploy:ro"]
    folders += [f"--volume={tmp_path / part}:/{part}:ro" for part in ("papers", "register")]
    with cleared(name):
        signers = Signers(tmp_path)
        run(podman("run", "--detach", "--name", name, *limits(), *rights, *folders, "--entrypoint=/sbin/init", image))
        until(lambda: state(name, "--wait") in ("running", "degraded"), "systemd has started")
        inside(name, "\n".join([AS_IF_MADE_HERE, *guide("user"), INIT]))
        (tmp_path / "join.json").write_text(inside(name, "cat /srv/exchange/join.json"))
        signers.sign(tmp_path / "join.json")
        inside(name, ACCEPT + "/papers/manifest.json")
        yield name


def state(machine: str, *options: str) -> str:
    words = podman("exec", machine, "systemctl", "is-system-running", *options)
    return subprocess.run(words, capture_output=True, text=True).stdout.strip()


def unit(machine: str) -> dict[str, str]:
    """What systemd says about the service."""
    wanted = "ActiveState,Result,NRestarts,MainPID,ExecMainStatus"
    said = inside(machine, f"systemctl show -p {wanted} exchange-node; cat /srv/exchange/serving.pid || true")
    lines = said.splitlines()
    told = dict(line.split("=", 1) for line in lines if "=" in line)
    return told | {"serving": "" if "=" in lines[-1] else lines[-1]}


def test_the_unit_under_systemd(machine: str) -> None:
    def serving() -> bool:
        now = unit(machine)
        return now["ActiveState"] == "active" and now["serving"] == now["MainPID"]

    drop_in = f"install -d $(dirname {DROP_IN})\ncat > {DROP_IN} <<'END'\n{PROBE}END"
    inside(machine, "\n".join(["cd /opt/exchange-node", drop_in, *guide("unit")]))
    until(serving, "the service serves")
    first = unit(machine)
    user = inside(machine, "id -u exchange; id -g exchange; test ! -e /tmp/x").split()
    status = status_of(inside(machine, f"cat /proc/{first['MainPID']}/status"))
    assert status == RESTRICTED | dict(zip(("Uid", "Gid"), user, strict=True))
    for check in ("verify", "security --threshold=15"):
        inside(machine, f"systemd-analyze {check} exchange-node.service")

    inside(machine, f"kill -KILL {first['MainPID']}")
    until(lambda: unit(machine)["NRestarts"] == "1" and serving(), "the service serves again")

    inside(machine, "systemctl stop exchange-node")
    now = unit(machine)
    assert (now["ActiveState"], now["Result"], now["ExecMainStatus"]) == ("inactive", "success", "0")
    assert '"event": "node.stopped"' in inside(machine, "journalctl -u exchange-node -o cat")

    inside(machine, f"rm {DROP_IN}; systemctl daemon-reload; echo 'wrong = 1' >> /srv/exchange/config.toml")
    inside(machine, "systemctl start exchange-node")
    until(lambda: unit(machine)["ActiveState"] == "failed", "a wrong configuration is left for a person")
    assert unit(machine)["ExecMainStatus"] == "4" and unit(machine)["NRestarts"] == "0"
