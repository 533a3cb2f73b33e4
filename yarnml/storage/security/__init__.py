"""Our name on a secured cluster and its proofs: tickets, delegation tokens, certificates."""
