"""The job file: all that it may say, read and checked."""
