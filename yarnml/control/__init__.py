"""The control plane: small messages between the master and the processes."""
