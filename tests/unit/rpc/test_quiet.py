"""What gRPC writes by itself must not stand among the lines of JSON that `serve` writes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

# A server, and a stranger who speaks no TLS. That the connection is closed says that the handshake has failed.
SCRIPT = """
import socket
from concurrent.futures import ThreadPoolExecutor
import exchange_node.rpc
import grpc
from exchange_node.trust.certificates import generate_key, key_to_pem, make_node_certificate
import time
key = generate_key()
pem = make_node_certificate(key, "northgate-homes", ["127.0.0.1"], int(time.time()) - 60, 30)
server = grpc.server(ThreadPoolExecutor(1))
port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key_to_pem(key), pem)]))
server.start()
with socket.create_connection(("127.0.0.1", port), 20) as stranger:
    stranger.sendall(b"GET / HTTP/1.1\\r\\n\\r\\n" * 10)
    try:
        while stranger.recv(1000):
            pass
    except ConnectionResetError:
        pass
server.stop(0).wait()
"""


@pytest.mark.parametrize("wanted", ["", "INFO"])
def test_a_failed_handshake_writes_nothing_unless_it_is_wanted(wanted: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GRPC_")}
    environment |= {"GRPC_VERBOSITY": wanted} if wanted else {}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert ("Handshake failed" in done.stderr) == bool(wanted)
    assert done.stderr == "" or wanted
