"""The process that computes: commands of the master, steps of a round, its copy of the state."""
