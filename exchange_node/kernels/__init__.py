"""Native code: small C libraries without Python's headers, each proven equal to a plain reference."""
