"""Who runs next? Five levels, deadlines, work-stealing, and contexts that shift what matters.

Standard library only: it knows tasks, not frames. The policy is a state machine to which the time
is given, so that threads and the simulator drive the same code.
"""

from toolkit.scheduler.arrivals import Arrival
from toolkit.scheduler.comparison import compare
from toolkit.scheduler.contexts import Context
from toolkit.scheduler.executors.calibrate import calibrate
from toolkit.scheduler.executors.calibration import Calibration
from toolkit.scheduler.executors.sim import simulate
from toolkit.scheduler.handle import Handle, TaskShed, checkpoint, current
from toolkit.scheduler.kinds import Kind, QueueFull
from toolkit.scheduler.levels import NEVER, Level
from toolkit.scheduler.perfetto import export_chrome_trace
from toolkit.scheduler.periodic import Overcommitted, Periodic
from toolkit.scheduler.policy import Policy
from toolkit.scheduler.predict import Predictor
from toolkit.scheduler.predict_logistic import Logistic
from toolkit.scheduler.predict_markov import Markov
from toolkit.scheduler.predict_rules import Rule, Rules
from toolkit.scheduler.promotions import Bet, Cap, Promotion, Promotions
from toolkit.scheduler.reasons import Happening, Reason
from toolkit.scheduler.recording import Recording
from toolkit.scheduler.replay import Replay, replay_of
from toolkit.scheduler.rerun import what_if
from toolkit.scheduler.scheduler import Closed, Leftovers, Scheduler
from toolkit.scheduler.situation import Situation, Trigger
from toolkit.scheduler.statistics import KindStatistics
from toolkit.scheduler.stories import life_of
from toolkit.scheduler.task import State, Task
from toolkit.scheduler.trace import Trace

__all__ = [
    "NEVER",
    "Arrival",
    "Bet",
    "Calibration",
    "Cap",
    "Closed",
    "Context",
    "Handle",
    "Happening",
    "Kind",
    "KindStatistics",
    "Leftovers",
    "Level",
    "Logistic",
    "Markov",
    "Overcommitted",
    "Periodic",
    "Policy",
    "Predictor",
    "Promotion",
    "Promotions",
    "QueueFull",
    "Reason",
    "Recording",
    "Replay",
    "Rule",
    "Rules",
    "Scheduler",
    "Situation",
    "State",
    "Task",
    "TaskShed",
    "Trace",
    "Trigger",
    "calibrate",
    "checkpoint",
    "compare",
    "current",
    "export_chrome_trace",
    "life_of",
    "replay_of",
    "simulate",
    "what_if",
]
