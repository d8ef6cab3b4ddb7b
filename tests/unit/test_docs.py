"""What the documents say is so: commands exist, links lead somewhere, keys of a configuration are ones."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from exchange_cli.main import app
from pydantic import BaseModel
from typer.core import TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command

from exchange_node.config import Config
from exchange_node.records.mapping import Attribute, Derivation, Facts, RecordsMapping

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(path for path in (ROOT / "deploy").rglob("*.md"))]
)
DEPLOYED = sorted(path for path in (ROOT / "deploy").rglob("*") if path.is_file())
_CODE_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_FENCE = re.compile(r"^( *)```[a-z]*\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_SHELL = re.compile(r"(?:^|(?<=[|&;] ))\s*(?:\$ )?(?:\S*/)?exchange(?= |$)")
_ENDS = {"|", "&&", ";", ">", "2>", "&", "||"}


def name_of(path: Path) -> str:
    """For test ids."""
    return path.relative_to(ROOT).as_posix()


def command_lines(text: str) -> Iterator[tuple[bool, list[str]]]:
    """The words after `exchange` of each command in a document; True where it stands as one would type it."""
    for fence in _FENCE.finditer(text):
        for line in re.sub(r"\\\n\s*", " ", fence[2]).splitlines():
            if _SHELL.match(line):
                typed = line.strip().removeprefix("$ ")
                yield True, until_the_end(shlex.split(typed, comments=True)[1:])
    for span in _CODE_SPAN.finditer(_FENCE.sub("", text)):
        if _SHELL.match(span[1]) and span[1] != "exchange":
            yield False, until_the_end(shlex.split(span[1])[1:])


def until_the_end(words: list[str]) -> list[str]:
    """Up to what the shell does with the output, or the ... that stands for more."""
    for at, word in enumerate(words):
        if word in _ENDS or word == "...":
            return words[:at]
    return words


def parse(words: list[str]) -> None:
    """Raise TyperException unless the command line is one. Nothing is run."""
    command, context = get_command(app), None
    while True:
        context = command.make_context("exchange", list(words), parent=context)
        rest = [*context._protected_args, *context.args]
        if not isinstance(command, TyperGroup) or not rest:
            return
        _, found, words = command.resolve_command(context, rest)
        assert found is not None
        command = found


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_commands_exist(document: Path) -> None:
    """As typed, a command must be whole; where a sentence names one, its arguments may be missing."""
    for typed, words in command_lines(document.read_text(encoding="utf-8")):
        try:
            parse(words)
        except typer.Exit:  # --version
            continue
        except TyperException as error:
            if typed or type(error).__name__ not in ("MissingParameter", "NoArgsIsHelpError"):
                raise AssertionError(f"exchange {shlex.join(words)}: {getattr(error, 'message', error)}") from None


def test_enough_commands_are_found() -> None:
    found = [words for path in DOCUMENTS for _, words in command_lines(path.read_text(encoding="utf-8"))]
    assert len(found) > 60


@pytest.mark.parametrize(
    "line",
    ["exchange request frobnicate", "exchange choice import x.csv --fast", "exchange doktor", "exchange manifest sign"],
)
def test_what_is_no_command_is_found(line: str) -> None:
    ((_, words),) = command_lines(f"```\n$ {line}\n```\n")
    with pytest.raises(TyperException):
        parse(words)


def anchors(text: str) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for link in _LINK.findall(_FENCE.sub("", text)):
        if link.startswith(("https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists() and target.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


def keys_of(model: type[BaseModel]) -> set[str]:
    """The keys that a table may have, as they are written."""
    keys = set(model.model_fields)
    return keys | ({"column"} if issubclass(model, Derivation) else set())


def test_configuration_keys_of_it_md() -> None:
    section = (ROOT / "docs/it.md").read_text(encoding="utf-8").split("\n## config.toml\n")[1].split("\n## ")[0]
    named = set(re.findall(r"`([a-z_.]+)`", "".join(re.findall(r"^\|([^|]+)\|", section, re.MULTILINE))))
    tables = {name: field.annotation for name, field in Config.model_fields.items()}
    all_keys = {"records"}
    for table, model in tables.items():
        if isinstance(model, type) and issubclass(model, BaseModel):
            all_keys |= {f"{table}.{key}" for key in model.model_fields}
    assert named == all_keys


def test_configuration_keys_of_records_md() -> None:
    text = (ROOT / "docs/records.md").read_text(encoding="utf-8")
    every = text.split("\n## Every key\n")[1].split("\n###")[0]
    assert set(re.findall(r"^\| `([a-z_]+)` \|", every, re.MULTILINE)) == keys_of(RecordsMapping)
    facts, attributes = text.split("\n### facts\n")[1], text.split("\n### attributes\n")[1]
    assert all(f"`{key}`" in facts for key in keys_of(Facts))
    assert {"name", "type", "sensitivity", "max_length"} == keys_of(Attribute) - keys_of(Derivation)
    assert all(f"`{key}`" in attributes or f"`{key}`" in every for key in keys_of(Attribute) - keys_of(Derivation))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_configurations_are_valid(document: Path) -> None:
    """Every TOML block of every document is one that a node would take."""
    for fence in re.finditer(
        r"^ *```toml\n(.*?)^ *```", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    ):
        table = tomllib.loads(fence[1])
        if "records" in table:
            RecordsMapping.parse(table.pop("records"))
        node = {
            "organisation": "northgate-homes", "name": "x", "operator": "x", "type": "housing",
            "address": "localhost:1", "listen": "localhost:1",
        }  # fmt: skip
        Config.model_validate({"node": node} | table)


@pytest.mark.parametrize("path", sorted({*DOCUMENTS, *DEPLOYED}), ids=name_of)
def test_nothing_of_the_machine_it_was_written_on(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert str(ROOT) not in text
    assert not re.search(r"/(?:tmp|root|home/\w+|work)/\w", text)
