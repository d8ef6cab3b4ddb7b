"""The exchange node: lawful questions between agencies, answered without handing identities over."""

__version__ = "0.1.0"
