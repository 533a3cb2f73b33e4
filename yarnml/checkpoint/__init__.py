"""The state after a step: kept in the job's folder, and taken from there again."""
