"""Tests of the room `yarnml.frames`."""
