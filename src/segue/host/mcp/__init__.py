"""MCP servers on this machine: which ones agents name, what they list, and switching them off and on."""
