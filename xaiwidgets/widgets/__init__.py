"""Widgets: the only floor that knows Jupyter."""
