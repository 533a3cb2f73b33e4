"""The history of a job, and the views of it."""
