"""Widgets of the Downhill toolkit: one module, one script and one style sheet for each."""
