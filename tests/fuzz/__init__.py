"""Inputs that nobody would write: the law is one clear sentence, or the work done, whatever comes in."""
