"""The network: who may call what, how errors travel, gRPC servers and clients. Nothing here decides about data."""

import os

# gRPC's Python API has no minimum TLS version. Without a TLS 1.2 suite for our ECDSA certificates 1.3 is what is left,
# and gRPC reads this once, when it is imported: so it must stand here, before any module of this package is.
os.environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-RSA-AES128-GCM-SHA256"
# Also read once: gRPC would write lines of its own about failed handshakes among our log's lines of JSON.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
