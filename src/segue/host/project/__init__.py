"""What a project's repository says: how it is, what happened in it since, what it depends on. Read only."""
