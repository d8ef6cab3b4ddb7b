"""Build the policy bundle from `policies/`, and check that the committed one is what the sources give.

    python tools/policies.py build     writes exchange_node/policy/bundle/
    python tools/policies.py check     lints, tests and formats the Rego, builds anew and compares byte for
    byte python tools/policies.py digest    prints what a manifest approves

Two files come of one source, with one revision (SHA-256 over the sources): `policies.tar.gz` with OPA's
WebAssembly for the embedded engine, whose SHA-256 is what gets approved, and `policies-opa.tar.gz` for an OPA
server.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools import rego_lint  # noqa: E402

POLICIES = ROOT / "policies"
BUNDLE = ROOT / "exchange_node" / "policy" / "bundle"
ENTRYPOINT = "exchange/main/decision"
OPA_VERSION = "1.22.2"  # bundles of another version differ in bytes
# No clock, no network, no crypto, no regular expressions: what both engines have and answer alike.
BUILTINS = {
    "and", "array.concat", "assign", "count", "eq", "equal", "gt", "gte", "internal.member_2",
    "internal.member_3", "is_array", "is_boolean", "is_number", "is_string", "lt", "lte", "minus", "neq", "or", "sort",
    "startswith",
}  # fmt: skip


def find_opa() -> str:
    """The pinned OPA: EXCHANGE_OPA or OPA, else build/bin/opa, else the one in PATH; ends the program without
    one."""
    for name in (os.environ.get("EXCHANGE_OPA"), os.environ.get("OPA"), ROOT / "build/bin/opa", "opa"):
        if name and (found := shutil.which(name)):
            said = subprocess.run([found, "version"], capture_output=True, text=True, check=True).stdout
            if re.search(rf"^Version: {re.escape(OPA_VERSION)}$", said, re.MULTILINE):
                return found
    sys.exit(f"OPA {OPA_VERSION} is not there: run `make opa`, or name it in EXCHANGE_OPA")


def sources(policies: Path) -> list[Path]:
    """What goes into a bundle: Rego without its tests, and data."""
    rego = [path for path in policies.rglob("*.rego") if not path.name.endswith("_test.rego")]
    return sorted([*rego, *policies.rglob("data.yaml")])


def revision(policies: Path) -> str:
    """SHA-256 over path and content of every source, in hex."""
    digest = hashlib.sha256()
    for path in sources(policies):
        content = path.read_bytes()
        name = path.relative_to(policies).as_posix().encode()
        digest.update(len(name).to_bytes(4) + name + len(content).to_bytes(8) + content)
    return digest.hexdigest()


def capabilities(opa: str) -> str:
    """OPA's capabilities without the builtins that policies must not use, as JSON."""
    said = subprocess.run([opa, "capabilities", "--current"], capture_output=True, check=True).stdout
    whole = json.loads(said)
    whole["builtins"] = [builtin for builtin in whole["builtins"] if builtin["name"] in BUILTINS]
    whole["allow_net"] = []
    return json.dumps(whole)


def build(opa: str, policies: Path, out: Path) -> None:
    """Write both bundles into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        limits = work / "capabilities.json"
        limits.write_text(capabilities(opa))
        tree = work / "policies"
        for path in sources(policies):
            copy = tree / path.relative_to(policies)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        roots = {"revision": revision(policies), "roots": ["exchange", "law", "reasons"]}
        (tree / ".manifest").write_text(json.dumps(roots))
        common = ["--bundle", "--capabilities", str(limits), "--entrypoint", ENTRYPOINT]
        for target, file in (("wasm", "policies.tar.gz"), ("rego", "policies-opa.tar.gz")):
            command = [opa, "build", "--target", target, *common, "--output", str(out / file), "policies"]
            subprocess.run(command, cwd=work, check=True)


def check(opa: str) -> None:
    """Everything that must hold of `policies/`; ends the program at the first that does not."""
    run = [opa, "fmt", "--list", "--fail", str(POLICIES)]
    subprocess.run(run, check=True)
    subprocess.run([opa, "check", "--strict", str(POLICIES)], check=True)
    if found := rego_lint.lint_folder(opa, POLICIES):
        sys.exit("\n".join(found))
    subprocess.run([opa, "test", str(POLICIES)], check=True)
    with tempfile.TemporaryDirectory() as name:
        build(opa, POLICIES, Path(name))
        for fresh in sorted(Path(name).iterdir()):
            committed = BUNDLE / fresh.name
            if not committed.exists() or committed.read_bytes() != fresh.read_bytes():
                sys.exit(f"{committed.relative_to(ROOT)} is not what policies/ gives: run `make policies`")
    print(f"policies: the bundle is what the sources give, revision {revision(POLICIES)[:16]}")


def main() -> None:
    """Command line."""
    match sys.argv[1:]:
        case ["build"]:
            build(find_opa(), POLICIES, BUNDLE)
        case ["check"]:
            check(find_opa())
        case ["digest"]:
            print(hashlib.sha256((BUNDLE / "policies.tar.gz").read_bytes()).hexdigest())
        case _:
            sys.exit("usage: python tools/policies.py build|check|digest")


if __name__ == "__main__":
    main()
