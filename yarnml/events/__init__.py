"""The events of a job, and how a user sees them."""
