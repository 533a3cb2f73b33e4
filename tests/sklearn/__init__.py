"""Tests of the room `yarnml.sklearn`."""
