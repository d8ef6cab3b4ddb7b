"""What holds of all commands: help with examples, --json, exit codes, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from exchange_cli import main
from typer.main import get_command

from exchange_node.config import ConfigError
from exchange_node.errors import ExchangeError, Kind
from exchange_node.ports import PeerUnavailable
from exchange_node.rpc.desk_client import ConnectError, RemoteError
from exchange_node.store.errors import StoreError
from exchange_node.trust.errors import TrustError

from .conftest import REQUEST, Exchange, FakeDesk, Founded


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with its words."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


ALL = list(commands(get_command(main.app)))
WANTED = """
init doctor serve approve trial
manifest keygen|root|draft|sign|verify|show|accept
key rotate
user add|revoke|list
request new|submit|list|status|watch|results|cancel
policy check|test|explain
agreement sign|load|list|show
choice add|withdraw|import|list
audit verify|show|key
"""


def test_the_commands_are_those_that_are_promised() -> None:
    promised: set[tuple[str, ...]] = set()
    for line in WANTED.strip().splitlines():
        first, *rest = line.split()
        promised |= {(first, name) for name in rest[0].split("|")} if rest and "|" in rest[0] else set()
        if rest and "|" not in rest[0]:
            promised |= {(word,) for word in line.split()} if first == "init" else {(first, rest[0])}
    assert {words for words, _ in ALL} == promised


@pytest.mark.parametrize(("words", "command"), ALL, ids=[" ".join(words) for words, _ in ALL])
def test_help_has_examples_and_json(exchange: Exchange, words: tuple[str, ...], command: Any) -> None:
    told = exchange(*words, "--help")
    assert told.code == 0
    shown = told.out.split("Examples:")[1]
    assert any("exchange" in line and " ".join(words) in line for line in shown.splitlines())
    assert "--json" in told.out
    assert command.help


def test_the_root_tells_exit_codes_and_version(exchange: Exchange) -> None:
    told = exchange("--help").out
    for code in (0, *(kind.value for kind in Kind), 130):
        assert f" {code} " in told
    assert exchange("--version").out.startswith("exchange ")


@pytest.mark.parametrize("arguments", [["nonsense"], ["request"], ["request", "status"], ["key", "rotate", "seal"]])
def test_a_wrong_command_line_ends_with_2(exchange: Exchange, arguments: list[str]) -> None:
    assert exchange(*arguments).code == 2


@pytest.mark.parametrize("arguments", [["nonsense"], ["request", "status"], ["request", "submit", "--bad"]])
def test_a_wrong_command_line_is_told_as_json_too(exchange: Exchange, arguments: list[str]) -> None:
    told = exchange(*arguments, "--json")
    assert told.code == 2 and told.json["error"]["code"] == "cli.usage" and told.json["error"]["detail"]
    assert told.err == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StoreError("damaged"), 1),
        (RemoteError({"code": "desk.not-yours", "kind": 3, "sentence": "Only they.", "mend": "Ask them."}), 3),
        (ConfigError("invalid", "node.address: rule"), 4),
        (TrustError("manifest-expired"), 5),
        (ConnectError("no-node"), 6),
        (PeerUnavailable("unavailable"), 6),
        (StoreError("conflict"), 7),
        (RemoteError({"code": "desk.unknown-request", "kind": 8, "sentence": "No such.", "mend": "Look."}), 8),
        (ExchangeError("internal"), 70),
    ],
)
def test_an_error_ends_with_its_kind_and_says_what_to_do(
    exchange: Exchange, desk: FakeDesk, error: ExchangeError, code: int
) -> None:
    desk.answers["ShowRequest"] = error
    told = exchange("request", "status", REQUEST)
    assert told.code == code and told.out == ""
    assert error.says.sentence in told.err and f"What to do: {error.says.mend}" in told.err and error.code in told.err
    as_json = exchange("request", "status", REQUEST, "--json")
    assert as_json.code == code
    assert as_json.json["error"]["code"] == error.code and as_json.json["error"]["mend"] == error.says.mend


def test_an_unforeseen_error_tells_a_reference_and_nothing_of_its_text(exchange: Exchange, desk: FakeDesk) -> None:
    def crash(_: object) -> None:
        raise ValueError("canary-4711")

    desk.answers["ShowRequest"] = crash
    told = exchange("request", "status", REQUEST)
    assert told.code == 70 and "ValueError" in told.err and "canary-4711" not in told.out + told.err
    told = exchange("request", "status", REQUEST, "--json")
    assert told.code == 70 and told.json["error"]["code"] == "cli.mistake" and "canary-4711" not in told.out


def as_process(*words: str, stdout: Any) -> tuple[int, str]:
    """Exit code and standard error of the command in a process of its own."""
    command = [sys.executable, "-m", "exchange_cli.main", *words]
    done = subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("words", [["--version"], ["manifest", "show", "FILE", "--json"]])
def test_output_that_a_full_disk_cannot_take_ends_with_6(founded: Founded, words: list[str]) -> None:
    words = [str(founded.manifest) if word == "FILE" else word for word in words]
    with open("/dev/full", "w") as full:
        code, said = as_process(*words, stdout=full)
    assert code == 6 and "Traceback" not in said and "Exception ignored" not in said


def test_output_that_nobody_reads_ends_quietly(founded: Founded) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    with open(theirs, "w") as gone:
        assert as_process("manifest", "show", str(founded.manifest), "--json", stdout=gone) == (1, "")


def test_closed_output_is_no_mistake(founded: Founded) -> None:
    shell = 'exec "$0" -m exchange_cli.main manifest show "$1" >&-'
    command = ["/bin/sh", "-c", shell, sys.executable, str(founded.manifest)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_interrupt_ends_with_130(exchange: Exchange, desk: FakeDesk) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    desk.answers["ShowRequest"] = interrupt
    assert exchange("request", "status", REQUEST).code == 130


def test_without_a_home_it_says_how_to_name_one(exchange: Exchange) -> None:
    told = exchange("request", "list")
    assert told.code == 8 and "--home" in told.err
