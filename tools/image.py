"""Build deploy/container/Containerfile without a daemon and without a registry of images (`make image`).

The Containerfile is built as it stands. Only what it starts FROM is made here, out of Debian's packages: Debian 12 with
its Python 3.11, where python:3.11-slim is a Debian as well. systemd is in it too, so that a test can boot the result
and start the unit of deploy/systemd in it. Needs root, podman, crun and mmdebstrap; it writes under build/image.
"""

from __future__ import annotations

import ast
import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "image"
CONTAINER = ROOT / "deploy" / "container"
# Podman wants a short path for what is running, and a checkout's may be long.
RUNNING = Path("/run") / f"exchange-{hashlib.sha256(bytes(BUILD)).hexdigest()[:12]}"
BASE, IMAGE = "localhost/base", "localhost/exchange-node"
PACKAGES = "python3-venv,python-is-python3,ca-certificates,systemd-sysv"
CERTIFICATES = "/etc/ssl/certs"
# crun refuses a machine that has both kinds of cgroups; here, and here alone, one of them is out of sight.
ONE_HIERARCHY = 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"'


def one_hierarchy(*words: str) -> list[str]:
    """A command, in mounts of its own with one hierarchy of cgroups."""
    return ["unshare", "--mount", "sh", "-c", ONE_HIERARCHY, "sh", *words]


def podman(*words: str) -> list[str]:
    """A command of Podman that knows the images and containers of build/image, and no others."""
    stores = ["--root", f"{BUILD}/storage", "--runroot", f"{RUNNING}/root", "--tmpdir", f"{RUNNING}/tmp"]
    return one_hierarchy("podman", *stores, "--cgroup-manager", "cgroupfs", "--events-backend", "file", *words)


def is_there(image: str) -> bool:
    return subprocess.run(podman("image", "exists", image)).returncode == 0


def build_base() -> None:
    """Make the image that stands in for the one of a registry."""
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        tar = f"{folder}/base.tar"
        options = ["--quiet", "--variant=minbase", f"--include={PACKAGES}"]
        subprocess.run(["mmdebstrap", *options, "bookworm", tar], check=True)
        subprocess.run(podman("import", "--quiet", tar, BASE), check=True)


def pip_settings() -> str:
    """How pip is set on this machine, by files and environment, as one pip.conf: the build uses the same index."""
    said = subprocess.run([sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True)
    settings = {}
    for line in said.stdout.splitlines():
        name, _, value = line.partition("=")
        settings[name.rpartition(".")[2]] = str(ast.literal_eval(value)).replace("\n", "\n  ")
    return "\n".join(["[global]", *(f"{name} = {value}" for name, value in settings.items())])


def build_image() -> None:
    """Build the Containerfile. What pip needs to know is a secret of the build: no layer keeps it."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as settings:
        settings.write(pip_settings())
        settings.flush()
        options = ["--isolation", "chroot", "--pull=never", "--build-arg", f"BASE={BASE}", "--tag", IMAGE]
        options += ["--secret", f"id=pip,src={settings.name}", "--volume", f"{CERTIFICATES}:{CERTIFICATES}:ro"]
        files = ["--ignorefile", f"{CONTAINER}/Containerfile.dockerignore", "--file", f"{CONTAINER}/Containerfile"]
        subprocess.run(podman("build", *options, *files, str(ROOT)), check=True)


def main() -> None:
    BUILD.mkdir(parents=True, exist_ok=True)
    if not is_there(BASE):
        build_base()
    build_image()


if __name__ == "__main__":
    main()
