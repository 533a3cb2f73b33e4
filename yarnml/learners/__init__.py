"""Learners in summation form: `base` is the protocol, a folder is a family, and a module in it one kind or a part."""
