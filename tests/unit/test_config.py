"""config.toml: what is refused, and with which words."""

from __future__ import annotations

import pytest

from exchange_node.config import ConfigError, parse

NODE = """
[node]
organisation = "northgate-homes"
name = "Northgate Homes"
operator = "Northgate Homes"
type = "housing"
address = "127.0.0.1:7400"
listen = "127.0.0.1:7400"
[policy]
engine = "server"
url = "https://127.0.0.1:8181"
ca = "ca.pem"
"""


def test_a_client_certificate_for_the_policy_server_comes_with_its_key() -> None:
    both = parse((NODE + 'certificate = "node.pem"\nkey = "node.key"').encode()).policy
    assert (both.certificate, both.key) == ("node.pem", "node.key")
    assert parse(NODE.encode()).policy.certificate == ""
    for alone in ('certificate = "node.pem"', 'key = "node.key"'):
        with pytest.raises(ConfigError, match="give both or neither"):
            parse((NODE + alone).encode())
