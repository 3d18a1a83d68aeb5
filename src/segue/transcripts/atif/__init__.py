"""ATIF, the Agent Trajectory Interchange Format: one document for a run of any agent."""
