"""Who runs next? Five levels, deadlines, work-stealing, and contexts that shift what matters.

Standard library only: it knows tasks, not frames. The policy is a state machine to which the time
is given, so that threads and the simulator drive the same code.
"""
