"""Learners with tables: a row of parameters for every key of the data."""
