"""Native code: small C extensions for the stable ABI, each chosen by name and proven equal to a plain reference."""
