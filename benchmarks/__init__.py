"""Figures: yarnml beside what a good engineer would write by hand, interleaved in one run.  ``make bench``."""
