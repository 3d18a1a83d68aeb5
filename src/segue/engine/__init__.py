"""Use cases: load events, fold, decide, append at an expected head, perform effects. One module per group of verbs.

Here: the five steps themselves (`loading`), the life of a session and its forks (`sessions`, `forks`), and the Python API (`api`
and what is beside it). In rooms: `capture`, what agents do comes in; `saving`, checkpoints and back to them; `context`, what an
agent is given to go on; `budget`; `runs`, of agents in Python; `resuming`, in an agent; `recovery`; `secrecy`.
"""
