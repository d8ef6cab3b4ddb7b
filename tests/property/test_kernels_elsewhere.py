"""Kernels of processors that these tests do not run on, compared with plain C: for ARM started in an emulator, and
AMX's with tiles in plain C.

Plain C is proven equal to whole numbers by test_dot_kernels.py.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from exchange_node.kernels import dot
from tests.conftest import ROOT, missing

KERNELS = ROOT / "exchange_node" / "kernels"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """tests/dot_elsewhere.c for 64-bit ARM, with its whole C library inside."""
    compiler = shutil.which("aarch64-linux-gnu-gcc")
    if not compiler or not shutil.which("qemu-aarch64"):
        missing("No ARM: install gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user")
    built = tmp_path_factory.mktemp("arm") / "dot_elsewhere"
    words = [compiler, "-O2", "-Wall", "-Werror", "-static", f"-I{KERNELS}", str(ROOT / "tests" / "dot_elsewhere.c")]
    subprocess.run([*words, "-o", str(built)], check=True)
    return built


@pytest.mark.parametrize(
    ("processor", "kernels"),
    [("max", ["neon", "plain"]), ("cortex-a57", ["plain"])],
    ids=["with dot products of bytes", "without"],
)
def test_dot_products_on_arm_are_those_of_plain_c(program: Path, processor: str, kernels: list[str]) -> None:
    done = subprocess.run(["qemu-aarch64", "-cpu", processor, str(program)], capture_output=True, text=True)
    assert (done.stdout.split(), done.returncode) == (kernels, 0)


def test_dot_products_of_tiles_are_those_of_plain_c(tmp_path: Path) -> None:
    if "avx512vnni" not in dot.kernels():
        pytest.skip("no AVX-512 with dot products of bytes, without which no processor has tiles")
    built, compiler = tmp_path / "dot_tiles", os.environ.get("CC", "cc")
    words = [compiler, "-O2", "-Wall", "-Werror", f"-I{KERNELS}", str(ROOT / "tests" / "dot_tiles.c")]
    subprocess.run([*words, "-o", str(built)], check=True)
    done = subprocess.run([str(built)], capture_output=True, text=True)
    assert (done.stdout.split()[0], done.returncode) == ("amx", 0)
