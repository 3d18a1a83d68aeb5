"""Deliberately broken stores: what the contract must see."""

from . import beside, each, erasing, forking, keys, leases, reading, scopes, together, writing
from .registry import BROKEN, Broken

__all__ = [
    "BROKEN",
    "Broken",
    "beside",
    "each",
    "erasing",
    "forking",
    "keys",
    "leases",
    "reading",
    "scopes",
    "together",
    "writing",
]
