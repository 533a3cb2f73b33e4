"""The algorithms: each one as init, map and update, one module a kind."""
