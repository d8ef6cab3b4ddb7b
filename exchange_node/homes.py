"""Making a home: one directory with a commented configuration, keys, and the file to send to the federation."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from exchange_node.audit.note import NoteSigner
from exchange_node.config import ConfigError, Home, parse
from exchange_node.trust.documents import read
from exchange_node.trust.join import JoinRequest
from exchange_node.trust.keys import HomeKeys
from exchange_node.trust.manifest import PublicKey, RootDocument
from exchange_node.trust.signing import VerifyKey

CONFIG = """\
# Configuration of this node. Read once, when `exchange serve` starts; `exchange doctor` checks it.

[node]
organisation = "{organisation}"   # your id in the federation; cannot be changed later
name = "{name}"
operator = "{operator}"           # the legal person that runs the machine
type = "{type}"
regime = "{regime}"               # uk-gdpr, or dpa-part3 for law enforcement processing
address = "{address}"             # where other nodes reach you; it stands in the manifest
listen = "{listen}"               # where this process listens

[store]
url = "{store}"                          # empty: SQLite in data/; or postgresql+psycopg://user@host/database

[policy]
engine = "embedded"               # or "server" with url = "https://opa.example:8181" and ca = "opa-ca.pem"

[exchange]
poll_seconds = 2.0                # how often this node looks again, and tells others to
pace_seconds = 30                 # releases come out in time slots of this length, so that time says nothing
request_hours = 72                # a request that is not finished by then ends

[quota]
open_requests = 64                # that one other organisation may have open here
spool_bytes = 8589934592          # that one other organisation's data may take here

# What this node holds. Leave out for a linkage unit. See docs/records.md.
# [records]
# file = "/srv/register.csv"
"""


def init_home(
    path: Path,
    *,
    organisation: str,
    name: str,
    operator: str,
    type: str,
    address: str,
    listen: str,
    now: int,
    regime: str = "uk-gdpr",
    store: str = "",
    roots: bytes | None = None,
) -> JoinRequest:
    """Make a home, and the signed join request in `join.json`; of a half-made home nothing stays.

    Raises ConfigError `home-exists`, `invalid`; TrustError for roots or keys.
    """
    home = Home(path)
    if home.config_file.exists():
        raise ConfigError("home-exists", str(path))
    with all_or_nothing(path):
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o700)
        text = CONFIG.format(
            organisation=organisation, name=_quoted(name), operator=_quoted(operator), type=type,
            regime=regime, address=address, listen=listen, store=_quoted(store),
        )  # fmt: skip
        if roots is not None:
            home.root_file.write_bytes(read(RootDocument, roots).encode())
        keys = HomeKeys.create(path, organisation, [address.rpartition(":")[0].strip("[]")], now)
        join = join_request(keys, text)
        (path / "join.json").write_bytes(join.sign(keys.signing, keys.log))
        home.config_file.write_text(text, encoding="utf-8")
    return join


@contextmanager
def all_or_nothing(path: Path) -> Iterator[None]:
    """What was made in a folder goes again if the block fails, and so does the folder if it was not there."""
    before = set(path.iterdir()) if path.is_dir() else None
    try:
        yield
    except BaseException:
        if before is None:
            shutil.rmtree(path, ignore_errors=True)
        else:
            for made in set(path.iterdir()) - before:
                shutil.rmtree(made) if made.is_dir() else made.unlink()
        raise


def join_request(keys: HomeKeys, config_text: str) -> JoinRequest:
    """This node as it wants to be listed in the manifest. Raises ConfigError, TrustError."""
    node = parse(config_text.encode()).node
    value: dict[str, Any] = {
        "id": node.organisation,
        "name": node.name,
        "operator": node.operator,
        "type": node.type,
        "regime": node.regime,
        "roles": ("linkage-unit",) if node.type == "linkage-unit" else ("data-party",),
        "address": node.address,
        "tls_certificates": (keys.tls_certificate.decode(),),
        "signing_keys": (PublicKey.of(VerifyKey(keys.signing.public)).model_dump(),),
        "log_vkeys": (log_signer(keys, node.organisation).vkey,),
    }
    return JoinRequest.build(value)


def renewed_join_request(keys: HomeKeys, config_text: str) -> tuple[bytes, str]:
    """The signed join request with whichever next keys wait, and its fingerprint: what the next manifest lists."""
    present = join_request(keys, config_text)
    signing, log = keys.next_key("signing") or keys.signing, keys.next_key("log") or keys.log
    value = present.model_dump(exclude_none=True) | {
        "tls_certificates": ((keys.next_certificate() or keys.tls_certificate).decode(),),
        "signing_keys": (PublicKey.of(VerifyKey(signing.public)).model_dump(),),
        "log_vkeys": (NoteSigner(log_origin(present.id), log.private).vkey,),
    }
    renewed = JoinRequest.build(value)
    return renewed.sign(signing, log), renewed.fingerprint


def log_signer(keys: HomeKeys, organisation: str) -> NoteSigner:
    """The signer of the node's audit log; the log's origin is the node's own name."""
    return NoteSigner(log_origin(organisation), keys.log.private)


def log_origin(organisation: str) -> str:
    """The name of an organisation's audit log."""
    return f"{organisation}.node.exchange.internal/log"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
