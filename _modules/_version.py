"""The version that FORMULA names (docs/generate.py writes it)."""

VERSION = "1.0.0-dev"
