"""An MCP server: agents ask where they were, restore, search, and note what is to be kept, in their project's sessions.

JSON-RPC is spoken by a loop of our own, with the standard library alone (decision 0020). From outside in: `stdio` and `http`
carry messages, `server` is the protocol, `tools`, `resources` and `prompts` are what is offered, `scope` says of which sessions.
"""
