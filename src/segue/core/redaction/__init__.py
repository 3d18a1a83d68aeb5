"""Secrets in text: found by rule, by the name beside them, or because they are known; and replaced."""
