"""Adapters: one module per framework, each imported only by who uses that framework."""
