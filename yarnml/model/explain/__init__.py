"""Explanations of a model's outputs: how much each feature adds to each of them (SHAP values)."""
