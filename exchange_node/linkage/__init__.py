"""Encodings -> candidate pairs -> one-to-one links (step 6). Arrays and bytes in, links out; no people,
policy or gRPC.
"""
