"""Kernels of processors that these tests do not run on: built for ARM, started in an emulator, compared with plain C.

Plain C is proven equal to whole numbers by test_dot_kernels.py.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

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
