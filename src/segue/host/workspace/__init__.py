"""Snapshots of workspaces: taken by git, in a repository of ours beside the store, without a trace in the user's.

`gitting` calls git, `repository` is where snapshots are, `borrowing` takes over what the user's repository knows, `ignoring` and
`judging` say what is not taken, `taking` takes, `comparing` compares, `planning` says what a restore would do, `restoring` does
it with `files`, and `workspace` is all of it as the port has it.
"""
