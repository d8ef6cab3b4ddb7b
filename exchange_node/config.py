"""The one configuration file of a node, `HOME/config.toml`, and where everything stands in a home.

The file is read once at start. A wrong or unknown field is refused with its name and the rule it breaks.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from exchange_node.errors import ExchangeError, Kind, Says

OrgId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
Address = Annotated[str, Field(pattern=r"^[A-Za-z0-9.\-\[\]:]+:[0-9]{1,5}$")]


class ConfigError(ExchangeError):
    """The configuration or the home directory is not usable."""

    prefix = "config"
    catalogue: ClassVar[dict[str, Says]] = {
        "no-home": Says(
            Kind.NOT_FOUND,
            "There is no node in that directory.",
            "Make one with `exchange --home DIR init`, or name the right one with --home or EXCHANGE_HOME.",
        ),
        "home-exists": Says(
            Kind.CONFLICT,
            "There is a node in that directory already.",
            "Choose another directory; nothing was changed.",
        ),
        "no-root": Says(
            Kind.INVALID,
            "The federation's root keys, root.json, are not in the home.",
            "Copy root.json there, and compare its fingerprint with another member by telephone.",
        ),
        "invalid": Says(
            Kind.INVALID,
            "The configuration breaks a rule.",
            "Mend the field named in config.toml and run `exchange doctor`.",
        ),
        "no-records": Says(
            Kind.INVALID,
            "This node has no records configured.",
            "Add a [records] table to config.toml; a linkage unit has none and cannot ask or answer.",
        ),
    }


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class NodeTable(_Table):
    """Who this node is, and where it listens."""

    organisation: OrgId
    name: Annotated[str, Field(max_length=120)]
    operator: Annotated[str, Field(max_length=120)]
    type: Annotated[str, Field(pattern=r"^[a-z][a-z-]{1,39}$")]
    regime: Literal["uk-gdpr", "dpa-part3", "none"] = "uk-gdpr"
    address: Address
    listen: Address


class StoreTable(_Table):
    """Empty url: SQLite in the home. Else a SQLAlchemy URL such as postgresql+psycopg://exchange@/exchange."""

    url: str = ""


class PolicyTable(_Table):
    """Which engine decides. Files are PEM, relative to the home; `certificate` and `key` are what we show a server."""

    engine: Literal["embedded", "server"] = "embedded"
    url: str = ""
    ca: str = ""
    certificate: str = ""
    key: str = ""
    deadline_seconds: Annotated[float, Field(gt=0, le=30)] = 2.0

    @model_validator(mode="after")
    def _both_or_neither(self) -> PolicyTable:
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate and key: give both or neither")
        return self


class ExchangeTable(_Table):
    """Rhythm and bounds of requests."""

    poll_seconds: Annotated[float, Field(ge=0.05, le=3600)] = 2.0
    pace_seconds: Annotated[int, Field(ge=0, le=86_400)] = 30
    request_hours: Annotated[int, Field(ge=1, le=24 * 30)] = 72
    retry_max_seconds: Annotated[int, Field(ge=1, le=3600)] = 300
    call_seconds: Annotated[int, Field(ge=1, le=600)] = 30


class QuotaTable(_Table):
    """What one peer may have open here."""

    open_requests: Annotated[int, Field(ge=1)] = 64
    spool_bytes: Annotated[int, Field(ge=1 << 20)] = 8 << 30
    calls_per_minute: Annotated[int, Field(ge=1)] = 6000


class LinkageTable(_Table):
    """How a linkage unit compares, and how a data party encodes; see linkage/kernels.py and encoding/clk.py."""

    kernel: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")] = "native"
    encoder: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")] = "native"


class Config(_Table):
    """The whole of config.toml. `records` is checked by the records package, which alone knows plaintext."""

    node: NodeTable
    store: StoreTable = StoreTable()
    policy: PolicyTable = PolicyTable()
    exchange: ExchangeTable = ExchangeTable()
    quota: QuotaTable = QuotaTable()
    linkage: LinkageTable = LinkageTable()
    records: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Home:
    """The directory of one node, and the names of everything in it."""

    path: Path

    @property
    def config_file(self) -> Path:
        return self.path / "config.toml"

    @property
    def root_file(self) -> Path:
        """The federation's root keys, given at `exchange init` and compared out of band."""
        return self.path / "root.json"

    @property
    def keys(self) -> Path:
        return self.path / "keys"

    @property
    def audit(self) -> Path:
        """The transparency log, fit to be served as plain files."""
        return self.path / "audit"

    @property
    def database(self) -> Path:
        return self.path / "data" / "exchange.sqlite"

    @property
    def spool(self) -> Path:
        return self.path / "spool"

    @property
    def users(self) -> Path:
        return self.path / "users"

    @property
    def ready(self) -> Path:
        """Written when the node serves; holds its process id."""
        return self.path / "serving.pid"

    def load(self) -> Config:
        """Read config.toml. Raises ConfigError: no-home, invalid (field and rule named)."""
        try:
            text = self.config_file.read_bytes()
        except OSError as error:
            raise ConfigError("no-home", str(self.path)) from error
        return parse(text)


def parse(text: bytes) -> Config:
    """Parse config.toml. Raises ConfigError("invalid")."""
    try:
        return Config.model_validate(tomllib.loads(text.decode("utf-8")))
    except UnicodeDecodeError as error:
        raise ConfigError("invalid", "not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("invalid", f"not TOML: {error}") from error
    except ValidationError as error:
        raise ConfigError("invalid", explain(error)) from error


def explain(error: ValidationError) -> str:
    """Field and rule of each failure, never a value."""
    told = [
        (".".join(str(part) for part in problem["loc"]), rule_of(problem["type"], problem["msg"]))
        for problem in error.errors(include_input=False, include_url=False)
    ]
    return "; ".join(f"{place}: {rule}" if place else rule for place, rule in told)


_RULES = {
    "missing": "it is missing",
    "extra_forbidden": "there is no such field",
    "bool_parsing": "true or false is expected",
    "bool_type": "true or false is expected",
    "string_type": "a text is expected",
}
_KINDS = {"date": "a day of the calendar as YYYY-MM-DD", "int": "a whole number", "tuple": "a list"}
_WORD = re.compile(r"\[a-z(?:0-9)?\]\[a-z(?:0-9)?([^\]]*)\]")


def rule_of(kind: str, message: str) -> str:
    """A rule of pydantic's as people can follow it, who write forms and not programs."""
    if kind in _RULES:
        return _RULES[kind]
    if (expected := _KINDS.get(kind.partition("_")[0])) is not None:
        return f"{expected} is expected"
    if kind == "string_pattern_mismatch":
        return _alphabet(message)
    for words, plain in (("Value error, ", ""), ("Input should be", "it should be"), (" after validation", "")):
        message = message.replace(words, plain)
    return message.replace("Tuple should", "it should").replace("Dictionary should", "it should")


def _alphabet(message: str) -> str:
    if "[0-9a-f]{32}" in message:
        return "an id of 32 digits and letters a to f is expected, as it was printed"
    if (word := _WORD.search(message)) is None:
        return message
    first = "a letter first" if word[0].startswith("[a-z]") else "no sign first"
    return f"small letters, {', '.join(('digits', *word[1]))} are expected, {first} and no spaces"
