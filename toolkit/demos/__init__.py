"""The workloads that the command line, the notebooks and the widgets show."""

__all__ = ["BadInput", "WrongUse"]


class BadInput(ValueError):
    """What was given cannot be worked on; the message says why, in one sentence."""


class WrongUse(ValueError):
    """What was asked for does not exist here; the message says what does, in one sentence."""
