"""Containers of the image that `make image` built here, and those whom an agency deals with when it makes its node."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.image import podman

ROOT = Path(__file__).parents[1]
SECONDS = 120  # a loaded machine is slow; what hangs must still end
REGISTER = "tenancy;forename;surname;born;sex;postcode\nT1;Amara;Ashdown;1964-02-04;F;AB1 2CD\n"
RECORDS = """\
[records]
file = "/register/tenants.csv"
delimiter = ";"
id_column = "tenancy"
date_formats = ["YYYY-MM-DD"]

[records.fields]
forename = "forename"
surname = "surname"
date_of_birth = "born"
sex = "sex"
postcode = "postcode"
"""


def limits() -> list[str]:
    """Options of `podman run`: no network, and limits that root may set where it may not raise any."""
    return ["--network", "none", "--ulimit=nofile=4096:4096", "--ulimit=nproc=4096:4096"]


def run(words: list[str], cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """What a command that must succeed prints."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, cwd=cwd, env=env)
    assert done.returncode == 0, f"{words} ended with {done.returncode}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def until(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < end, f"{what}: not within {SECONDS} seconds"
        time.sleep(0.1)


def guide(name: str) -> list[str]:
    """The commands that stand in deploy/README.md after this comment, one a line."""
    _, _, rest = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8").partition(f"<!-- {name} -->\n```\n")
    assert rest, f"deploy/README.md has lost its commands for {name}"
    return re.sub(r"\\\n\s*", "", rest.split("\n```")[0]).splitlines()


@contextmanager
def cleared(container: str, *volumes: str) -> Iterator[None]:
    """Without a container and volumes of these names, before and after."""

    def clear() -> None:
        run(podman("rm", "--force", "--ignore", "--volumes", "--time", "5", container))
        run(podman("volume", "rm", "--force", *volumes)) if volumes else None

    clear()
    try:
        yield
    finally:
        clear()


class Signers:
    """A federation of one, made by other people on another machine. `papers/` is what goes to and fro."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.papers, self.register = folder, folder / "papers", folder / "register"
        for made in (self.papers, self.register):
            made.mkdir(mode=0o755)
        (self.papers / "records.toml").write_text(RECORDS)
        (self.register / "tenants.csv").write_text(REGISTER)
        self.exchange("manifest", "keygen", "-o", "root.key")
        root = ["--federation", "fairshire", "--threshold", "1", "root.key.pub", "-o", "papers/root.json"]
        self.exchange("manifest", "root", *root)

    def exchange(self, *words: str) -> None:
        run([str(Path(sys.executable).with_name("exchange")), *words], cwd=self.folder)

    def sign(self, join: Path) -> None:
        """Leave a manifest that lists who sent this request to join."""
        self.exchange("manifest", "draft", "--root", "papers/root.json", str(join), "-o", "papers/manifest.json")
        self.exchange("manifest", "sign", "papers/manifest.json", "--key", "root.key")
