"""Reading a YAML or JSON file that an officer wrote, so that it says one thing only.

PyYAML's safe loader, and besides: no doubled key (the last would win in silence), no anchors or aliases (a
few lines of them unfold to gigabytes), no guessed types (dates stay text), a bound on size and depth.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 12


class _Refused(yaml.MarkedYAMLError):
    """A rule of ours is broken; unlike PyYAML's own errors it never quotes the text."""

    def __init__(self, rule: str, mark: yaml.Mark | None) -> None:
        super().__init__(problem=rule, problem_mark=mark)
        self.rule = rule


class _Loader(yaml.SafeLoader):
    depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "anchor", None) is not None:
            raise _Refused("anchors and aliases are not allowed", event.start_mark)
        if getattr(event, "tag", None) is not None:
            raise _Refused("tags are not allowed", event.start_mark)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _Refused(f"more than {MAX_DEPTH} levels", event.start_mark)
        node: Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:str":
                raise _Refused("a key that is not plain text", key.start_mark)
            if key.value in seen:
                raise _Refused("the same key twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


# What an agreement needs, as YAML 1.2 has it: a date stays the text that was written, and `on` and `no` are words.
_Loader.yaml_implicit_resolvers = {}
for _tag, _rule, _first in (
    ("bool", r"true|false", "tf"),
    ("int", r"-?(?:0|[1-9][0-9]{0,17})", "-0123456789"),
    ("null", r"null|~|", ["n", "~", ""]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_rule})$"), list(_first))


def read_yaml(text: bytes) -> Any:
    """The document's value: dicts, lists, text, whole numbers, true, false, None.

    Raises ValueError with the line and the rule, never with what stands there.
    """
    if len(text) > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES} bytes")
    try:
        loader = _Loader(text.decode("utf-8"))
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except UnicodeDecodeError:
        raise ValueError("not UTF-8 text") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        rule = error.rule if isinstance(error, _Refused) else "not valid YAML"
        raise ValueError(f"line {mark.line + 1}: {rule}" if mark else rule) from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ValueError("not valid YAML") from None
