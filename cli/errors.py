"""What the command line itself can complain about."""

from __future__ import annotations

from typing import ClassVar

from exchange_node.errors import ExchangeError, Kind, Says


class CliError(ExchangeError):
    """A file or an argument that the command line cannot use."""

    prefix: ClassVar[str] = "cli"
    catalogue: ClassVar[dict[str, Says]] = {
        "cannot-read": Says(
            Kind.NOT_FOUND, "A file cannot be read.", "Check the path, and that you may read the file."
        ),
        "no-log": Says(
            Kind.NOT_FOUND,
            "There is no log in that folder.",
            "Name the folder `audit` of a node's home, or a copy of it; a user's own folder holds none.",
        ),
        "cannot-write": Says(
            Kind.UNAVAILABLE, "A file cannot be written.", "Check the folder, its permissions and the disk."
        ),
        "file-exists": Says(
            Kind.CONFLICT, "The file is there already; nothing was changed.", "Choose another name, or move it away."
        ),
        "system": Says(
            Kind.UNAVAILABLE,
            "The operating system refused.",
            "See what is named: room on the disk, the path, its owner and its permissions; then try again.",
        ),
        "mistake": Says(
            Kind.INTERNAL, "The command made a mistake of its own.", "Report the reference; it names no person."
        ),
        "usage": Says(Kind.USAGE, "The command line is wrong.", "See --help of the command."),
        "bad-argument": Says(
            Kind.USAGE, "An argument is not in the form it needs.", "See the examples under --help of this command."
        ),
        "bad-file": Says(
            Kind.INVALID, "A file is not in the form it needs.", "Mend what is named; --help shows what is expected."
        ),
        "too-many-ids": Says(
            Kind.INVALID,
            "The file of ids is too long to be sent.",
            "Describe the cohort by a condition on your own attributes: `--cohort 'damp = yes'`.",
        ),
        "serving": Says(
            Kind.CONFLICT,
            "The node is serving, so its files are not touched.",
            "Stop it first, then run the command again.",
        ),
        "cannot-listen": Says(
            Kind.UNAVAILABLE,
            "The node cannot listen at its address.",
            "See whether another process has the port: `exchange doctor`; the address stands in config.toml.",
        ),
    }
