"""`exchange init` and `exchange serve`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from exchange_node.config import ConfigError, Home

from .errors import CliError
from .output import Json, examples, out, say, show
from .session import read_file, session, write_file

ADMIN = "admin"


def add_to(app: typer.Typer) -> None:
    """Put the commands in their place."""
    app.command(
        epilog=examples(
            "exchange --home /srv/exchange init --organisation northgate-homes --name 'Northgate Homes' \\",
            "    --operator 'Northgate Homes' --type housing --address node.northgate.example:7400 \\",
            "    --listen 0.0.0.0:7400 --root root.json --records records.toml",
        )
    )(init)
    app.command(epilog=examples("exchange --home /srv/exchange serve"))(serve)


def init(
    ctx: typer.Context,
    organisation: Annotated[str, typer.Option(help="Your id in the federation, such as northgate-homes.")],
    address: Annotated[str, typer.Option(help="HOST:PORT where other nodes reach you.")],
    root: Annotated[Path, typer.Option(help="The federation's root.json; compare its fingerprint by telephone.")],
    type: Annotated[str, typer.Option(help="housing, health, social-care, police, council, revenue, linkage-unit ...")],
    name: Annotated[str, typer.Option(help="The name people know; the id if left out.")] = "",
    operator: Annotated[str, typer.Option(help="The legal person that runs the machine; the name if left out.")] = "",
    listen: Annotated[str, typer.Option(help="HOST:PORT where this process listens; the address if left out.")] = "",
    regime: Annotated[str, typer.Option(help="uk-gdpr, dpa-part3, or none for a linkage unit.")] = "",
    store: Annotated[str, typer.Option(help="A database as postgresql+psycopg://USER@HOST/NAME; else SQLite.")] = "",
    records: Annotated[Path | None, typer.Option(help="A TOML file with the [records] table, see the docs.")] = None,
    as_json: Json = False,
) -> None:
    """Make a home: configuration, keys, the request to join, and the first administrator."""
    from exchange_node.homes import all_or_nothing, init_home
    from exchange_node.trust.documents import read
    from exchange_node.trust.manifest import RootDocument

    home, now = session(ctx).home, int(time.time())
    roots = read_file(root)
    table = _records(records)
    with all_or_nothing(home.path):
        join = init_home(
            home.path, organisation=organisation, name=name or organisation, operator=operator or name or organisation,
            type=type, address=address, listen=listen or address, now=now,
            regime=regime or ("none" if type == "linkage-unit" else "uk-gdpr"), store=store, roots=roots,
        )  # fmt: skip
        if table:
            with home.config_file.open("a", encoding="utf-8") as config:
                config.write("\n" + table)
            home.load()
        _first_administrator(home, now)
    document = {
        "home": str(home.path),
        "organisation": organisation,
        "join_request": str(home.path / "join.json"),
        "fingerprint": join.fingerprint,
        "root_fingerprint": read(RootDocument, roots).fingerprint,
        "administrator": str(home.users / f"{ADMIN}.pem"),
    }
    show(document, as_json, lambda: _draw_init(document))


def _draw_init(document: dict[str, str]) -> None:
    say(f"Made the home of {document['organisation']} in {document['home']}.\n")
    say("What to do next:")
    say("1. Compare the root fingerprint with another member by telephone:")
    say(f"     {document['root_fingerprint']}")
    say(f"2. Send {document['join_request']} to those who sign the federation's manifest; read out its fingerprint:")
    say(f"     {document['fingerprint']}")
    say("3. When the manifest comes back: `exchange manifest accept manifest.json`, then `exchange doctor`.")
    say("4. Start the node with `exchange serve`, and let people in with `exchange user add NAME --role analyst`.")


def _records(path: Path | None) -> str:
    """The text of the records table, checked before anything is made. Raises ConfigError, RecordsError."""
    if path is None:
        return ""
    import tomllib

    from exchange_node.records.mapping import RecordsMapping

    data = read_file(path)
    try:
        text = data.decode("utf-8")
        found = tomllib.loads(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CliError("bad-file", f"{path}: not TOML in UTF-8") from error
    if set(found) != {"records"} or not isinstance(found["records"], dict):
        raise CliError("bad-file", f"{path}: it needs one table, [records]")
    RecordsMapping.parse(found["records"])
    return text


def _first_administrator(home: Home, now: int) -> None:
    """A login that can let others in; later ones are issued by the running node."""
    from exchange_node.desk.people import issue
    from exchange_node.store.store import Store
    from exchange_node.trust.keys import HomeKeys

    from .users import new_key, public_pem

    key, secret = new_key()
    pem, user = issue(HomeKeys.open(home.path), ADMIN, "administrator", public_pem(key), now, 365)
    home.users.mkdir(mode=0o700)
    write_file(home.users / f"{ADMIN}.key", secret, secret=True)
    write_file(home.users / f"{ADMIN}.pem", pem)
    home.database.parent.mkdir(mode=0o700, exist_ok=True)
    config = home.load()
    with Store.open(config.store.url or f"sqlite:///{home.database}") as store:
        store.users.add(user.name, user.role, user.fingerprint, user.serial, user.not_after, now)


def serve(ctx: typer.Context, as_json: Json = False) -> None:
    """Run the node until it is told to stop (SIGTERM or Ctrl-C). Its log is JSON lines on standard error."""
    from exchange_node.app import serve as run_node

    home = session(ctx).home
    config = home.load()
    if not home.root_file.exists():
        raise ConfigError("no-root", str(home.root_file))
    if not as_json:
        out().print(f"{config.node.organisation} starts at {config.node.listen}; Ctrl-C stops it.")
    try:
        run_node(home)
    except RuntimeError as error:
        if "bind" in str(error) or "address" in str(error).lower():
            raise CliError("cannot-listen", config.node.listen) from None
        raise
