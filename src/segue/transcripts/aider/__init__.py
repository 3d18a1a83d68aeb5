"""aider: the Markdown that it keeps of its chats in a project."""
