"""Where the data shipped beside the code is found: in an installed wheel, or in a checkout."""

from __future__ import annotations

from pathlib import Path


def shipped(name: str) -> Path:
    """Return the shipped folder of that name (`policies`, `migrations`)."""
    package = Path(__file__).resolve().parent
    packed = package / "_data" / name
    return packed if packed.exists() else package.parent / name
