"""Deliberately broken stores: what the contract must see."""

from . import beside, forking, keys, leases, reading, scopes, together, writing
from .registry import BROKEN, Broken

__all__ = ["BROKEN", "Broken", "beside", "forking", "keys", "leases", "reading", "scopes", "together", "writing"]
