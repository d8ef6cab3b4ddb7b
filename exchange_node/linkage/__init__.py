"""Encodings -> candidate pairs -> one-to-one links (step 6): arrays and bytes, no people, policy or gRPC."""
