"""Learners in summation form: ``base.py`` is the protocol, every other module one learner or its parts."""
