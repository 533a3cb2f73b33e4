"""Peers of yarnml, as programs of their own: the same work as a good engineer would write it with each library."""
