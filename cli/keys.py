"""`exchange key`: new keys for a node, without a day on which peers believe neither the old nor the new one."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from .errors import CliError
from .output import Json, examples, say, show
from .session import session, write_file

app = typer.Typer(help="The node's own keys.", no_args_is_help=True, rich_markup_mode=None)
KINDS = ("tls", "signing", "log")


@app.callback()
def keys() -> None:
    pass


@app.command(
    epilog=examples(
        "exchange key rotate signing            # 1. make the next key and a new join.json; send that to the signers",
        "exchange manifest accept next.json     # 2. when the manifest lists it",
        "exchange key rotate signing --promote  # 3. with the node stopped: use it from now on",
    )
)
def rotate(
    ctx: typer.Context,
    kind: Annotated[str, typer.Argument(help="tls, signing or log.")],
    promote: Annotated[bool, typer.Option("--promote", help="Put the next key in the old one's place.")] = False,
    as_json: Json = False,
) -> None:
    """Change a key in two steps: peers believe a key only once the manifest lists it."""
    if kind not in KINDS:
        raise CliError("bad-argument", "KIND: tls, signing or log")
    answer = _promote(ctx, kind) if promote else _rotate(ctx, kind)
    show(answer, as_json, lambda: say(answer["next"]))


def _rotate(ctx: typer.Context, kind: Any) -> dict[str, Any]:
    from exchange_node.homes import renewed_join_request
    from exchange_node.trust.keys import HomeKeys

    home = session(ctx).home
    config = home.load().node
    keys = HomeKeys.open(home.path)
    host = config.address.rpartition(":")[0].strip("[]")
    pending = keys.rotate(kind, config.organisation, [host], int(time.time()))
    signed, fingerprint = renewed_join_request(keys, home.config_file.read_text(encoding="utf-8"))
    path = home.path / "join.json"
    write_file(path, signed, overwrite=True)
    return {
        "kind": kind, "pending": pending, "join_request": str(path), "fingerprint": fingerprint,
        "next": f"Send {path} to the manifest's signers (fingerprint {fingerprint});"
        f" when the manifest lists it: exchange key rotate {kind} --promote",
    }  # fmt: skip


def _promote(ctx: typer.Context, kind: Any) -> dict[str, Any]:
    from exchange_node.federation import Federation
    from exchange_node.opening import open_log
    from exchange_node.store.store import Store
    from exchange_node.trust.documents import read
    from exchange_node.trust.keys import HomeKeys
    from exchange_node.trust.manifest import RootDocument

    here = session(ctx)
    home, now = here.home, int(time.time())
    if here.serving:
        raise CliError("serving")
    config = home.load()
    with Store.open(config.store.url or f"sqlite:///{home.database}") as store:
        federation = Federation(read(RootDocument, home.root_file.read_bytes()), store)
        org, keys = config.node.organisation, HomeKeys.open(home.path)
        keys.promote(kind, federation.manifest(now).org(org), now)
        if kind == "log":  # so that the log holds by the new key from now on; the next start would do it otherwise
            open_log(home, org, keys, store, federation, now).close()
    told = f"The next {kind} key is in use; start the node. "
    if kind == "signing":
        told += "Sign your agreements anew; once every party has loaded them, a manifest may retire the old key."
    else:
        told += "The next manifest may retire the old."
    if kind == "tls":
        told += f" Users with a folder of their own need {home.keys / 'tls.pem'} as its node.pem."
    return {"kind": kind, "next": told}
