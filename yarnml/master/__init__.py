"""The leader of a job: rounds, members, stragglers; no tensor, no JAX."""
