"""What an installation holds: two packages, one command, a lock that pins every byte, a whole catalogue."""

from __future__ import annotations

import configparser
import importlib
import pkgutil
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import exchange_node
from exchange_node.errors import full_catalogue

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is packaged, beside a package that is not, so that no earlier build can leak in."""
    folder = tmp_path_factory.mktemp("source")
    skip = shutil.ignore_patterns("__pycache__", "*.so.1")
    for name in ("exchange_node", "cli"):
        shutil.copytree(ROOT / name, folder / name, ignore=skip)
    (folder / "tests").mkdir()
    (folder / "tests" / "__init__.py").touch()
    for name in ("pyproject.toml", "setup.py", "LICENSE", "README.md"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The project's wheel, built without network."""
    folder, copy = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("build") / "source"
    shutil.copytree(source, copy)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(copy)], check=True)
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


def metadata(wheel: zipfile.ZipFile, name: str) -> str:
    (path,) = (path for path in wheel.namelist() if path.endswith(f".dist-info/{name}"))
    return wheel.read(path).decode()


def test_the_wheel_claims_two_top_level_names(wheel: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    dist_info = {top for top in tops if top.endswith(".dist-info")}
    assert len(dist_info) == 1
    assert tops - dist_info == {"exchange_node", "exchange_cli"}


def test_the_wheel_holds_every_file_of_the_packages(source: Path, wheel: zipfile.ZipFile) -> None:
    def files(folder: Path, installed: str) -> set[str]:
        found = (path for path in folder.rglob("*") if path.is_file())
        return {f"{installed}/{path.relative_to(folder).as_posix()}" for path in found}

    expected = files(source / "exchange_node", "exchange_node") | files(source / "cli", "exchange_cli")
    assert sorted(expected - set(wheel.namelist())) == []


def test_one_wheel_serves_every_python(wheel: zipfile.ZipFile) -> None:
    assert "Tag: cp311-abi3-" in metadata(wheel, "WHEEL")
    libraries = [
        f"exchange_node/kernels/lib{path.stem}.so.1" for path in sorted((ROOT / "exchange_node/kernels").glob("*.c"))
    ]
    assert libraries
    assert sorted(name for name in wheel.namelist() if ".so" in name) == libraries


def test_the_wheel_brings_the_command_and_leaves_resolving_to_the_lock(wheel: zipfile.ZipFile) -> None:
    scripts = configparser.ConfigParser()
    scripts.read_string(metadata(wheel, "entry_points.txt"))
    assert dict(scripts["console_scripts"]) == {"exchange": "exchange_cli.main:main"}
    described = metadata(wheel, "METADATA")
    assert f"Version: {exchange_node.__version__}\n" in described
    assert "License-Expression: Apache-2.0\n" in described
    assert "Requires-Python: >=3.11\n" in described
    assert "Requires-Dist" not in described


@pytest.mark.parametrize("lock", [path for path in LOCKS if path.name != "overrides.txt"], ids=lambda path: path.stem)
def test_a_lock_pins_every_file_and_names_no_address(lock: Path) -> None:
    text = lock.read_text()
    assert "//" not in text
    assert not re.search(r"^\s*-", text.replace("    --hash", ""), re.M), "a lock has no options"
    pins = re.split(r"\n(?=\S)", text.strip())
    for pin in pins:
        assert re.match(r"[a-z0-9-]+==\S+( ; [^\\\n]+)? \\\n", pin), pin.splitlines()[0]
        hashes = re.findall(r"--hash=(\S+)", pin)
        assert hashes and all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in hashes)


def test_the_locks_agree() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[a-z0-9-]+==[^\\\n]+", (ROOT / f"requirements/{name}.txt").read_text(), re.M))

    run, dev, build = pins("run"), pins("dev"), pins("build")
    assert run <= dev, "what is tested is what runs"
    versions = {name: version.split()[0] for name, _, version in (pin.partition("==") for pin in dev)}
    for name, _, version in (pin.partition("==") for pin in build):
        assert versions.get(name, version.strip()) == version.strip()
    peers = {pin.partition("==")[0] for pin in pins("bench")}
    assert {"pyspark", "py4j"} == {pin.partition("==")[0] for pin in pins("spark")}
    assert "pyspark" not in versions, "what a node runs on needs no Spark"
    assert "splink" in peers and not {"splink", "duckdb", "pandas", "recordlinkage"} & versions.keys()
    assert versions["grpcio-tools"] == versions["grpcio"], "stubs refuse a grpcio older than their generator"
    assert versions["cryptography-vectors"] == versions["cryptography"]


def test_ruff_mypy_and_the_metadata_name_the_same_oldest_python() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert settings["project"]["requires-python"] == ">=3.11"
    assert settings["tool"]["mypy"]["python_version"] == "3.11"
    assert settings["tool"]["ruff"]["target-version"] == "py311"


def test_every_code_of_the_catalogue_can_be_acted_on() -> None:
    for module in pkgutil.walk_packages(exchange_node.__path__, "exchange_node."):
        if module.name.endswith(".errors"):
            importlib.import_module(module.name)
    prefixes: dict[str, type] = {}
    pending: list[type[exchange_node.errors.ExchangeError]] = [exchange_node.errors.ExchangeError]
    while pending:
        error = pending.pop()
        pending.extend(error.__subclasses__())
        if not error.__module__.startswith(("exchange_node.", "exchange_cli.")):
            continue  # made by another test
        if "catalogue" in vars(error):
            assert error.prefix not in prefixes, f"{error} and {prefixes[error.prefix]} share a prefix"
            prefixes[error.prefix] = error
        assert re.fullmatch(r"[a-z]+", error.prefix)
    for code, says in full_catalogue().items():
        assert re.fullmatch(r"[a-z]+\.[a-z0-9]+(-[a-z0-9]+)*", code), code
        assert says.sentence.endswith("."), code
        assert says.mend.endswith("."), code
