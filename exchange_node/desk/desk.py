"""The desk: every call of the agency's own people, one coroutine for each method of `exchange.v1.Desk`.

Which role may call what is the table in `rpc/access.py`; what a person may see or do beyond that is decided here: an
analyst sees only their own requests, only the analyst who asked fetches results, nobody approves their own request.
"""

from __future__ import annotations

from exchange_node.desk.governance import Governance
from exchange_node.desk.people import People
from exchange_node.desk.questions import Questions
from exchange_node.desk.results import Results
from exchange_node.desk.stories import Stories


class Desk(Questions, Results, Governance, People, Stories):
    """Everything at one counter. Made with the node's `Exchange`."""
