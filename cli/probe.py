"""Whether another node can be reached: a TLS handshake with pinned certificates, and nothing more."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

from exchange_node.config import Home
from exchange_node.trust.certificates import node_name

if TYPE_CHECKING:
    from exchange_node.trust.manifest import Organisation

SECONDS = 3.0
Problem = tuple[str, str]


def reach(home: Home, org: Organisation) -> Problem | None:
    """None, or what stands in the way and how to mend it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["h2"])
    context.load_verify_locations(cadata="".join(org.tls_certificates))
    context.load_cert_chain(home.keys / "tls.pem", home.keys / "tls.key")
    host, _, port = org.address.rpartition(":")
    try:
        with (
            socket.create_connection((host.strip("[]"), int(port)), SECONDS) as raw,
            context.wrap_socket(raw, server_hostname=node_name(org.id)) as secured,
        ):
            secured.settimeout(SECONDS)
            # With TLS 1.3 a server looks at our certificate after the handshake: its first bytes say that it took it.
            secured.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0)))
            if not secured.recv(1):
                return "it closed the connection", "Its operator's log tells why; compare manifest numbers."
    except ssl.SSLCertVerificationError:
        return (
            "it shows another certificate than the manifest has",
            "Do not go on: ask its operator, and the signers for the newest manifest.",
        )
    except ssl.SSLError:
        return (
            "it refuses our certificate",
            "Its manifest may not list our certificate yet: ask its operator which number it has.",
        )
    except TimeoutError:
        return "no answer", "Ask its operator; check firewalls on both sides."
    except ConnectionRefusedError:
        return "nobody listens there", "Ask its operator to start the node, and whether the address is right."
    except socket.gaierror:
        return "the name cannot be resolved", "Check DNS and the address in the manifest."
    except OSError as error:
        return (error.strerror or type(error).__name__).lower(), "Check the network; ask its operator."
    return None
