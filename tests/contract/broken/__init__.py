"""Deliberately broken stores: what the contract must see."""

from . import beside, erasing, forking, keys, leases, reading, scopes, together, writing
from .registry import BROKEN, Broken

__all__ = ["BROKEN", "Broken", "beside", "erasing", "forking", "keys", "leases", "reading", "scopes", "together", "writing"]
