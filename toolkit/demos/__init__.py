"""The workloads that the command line, the notebooks and the widgets show."""

__all__ = ["WrongUse"]


class WrongUse(ValueError):
    """What was asked for does not exist here; the message says what does, in one sentence."""
