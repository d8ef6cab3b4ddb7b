"""Write the Python of the wire contract (`make protos`), or compare it with what is committed (`--check`).

The protos stand in `proto/exchange/`, their Python belongs in `exchange_node/wire/`. protoc writes absolute
imports from the proto's path, so the folder is mapped to the package's name, and protos import one another
under that name.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path("proto/exchange")
PACKAGE = Path("exchange_node/wire")
SUFFIXES = ("_pb2.py", "_pb2.pyi")


def generate(root: Path, out: Path) -> None:
    """Run protoc over every proto below `root`/SOURCE and write under `out`/PACKAGE."""
    source = root / SOURCE
    names = [(PACKAGE / path.relative_to(source)).as_posix() for path in sorted(source.rglob("*.proto"))]
    if not names:
        sys.exit(f"There is no proto below {source}.")
    protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PACKAGE}={source}"]
    outputs = [f"--{kind}_out={out}" for kind in ("python", "pyi")]
    subprocess.run([*protoc, *outputs, *names], check=True)


def generated(root: Path) -> dict[Path, bytes]:
    """Every generated file below `root`, by its path."""
    return {
        path.relative_to(root): path.read_bytes()
        for path in (root / PACKAGE).rglob("*")
        if path.name.endswith(SUFFIXES)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the committed files differ")
    check = parser.parse_args().check
    root = Path(__file__).resolve().parent.parent
    with tempfile.TemporaryDirectory() as folder:
        generate(root, Path(folder))
        fresh = generated(Path(folder))
    committed = generated(root)
    stale = sorted(str(path) for path in fresh.keys() | committed.keys() if fresh.get(path) != committed.get(path))
    if check:
        if stale:
            sys.exit("These files do not follow from proto/; run `make protos`:\n  " + "\n  ".join(stale))
        return
    for path in committed.keys() - fresh.keys():
        (root / path).unlink()
    for path, content in fresh.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)


if __name__ == "__main__":
    main()
