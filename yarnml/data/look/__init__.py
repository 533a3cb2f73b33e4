"""A look at data before a job is written: facts about its columns, and a first job file."""
