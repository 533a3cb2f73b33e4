"""A check of yarnml on a machine with one NVIDIA GPU and no network: ``make gpu-check`` writes one JSON file."""
