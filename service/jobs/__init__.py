"""Durable jobs on Procrastinate: what is deferred, tried again, taken back from a dead worker. Nothing else imports it.

A job is one step of one discharge, named by its id, or an errand for a hospital from which discharges may come. It runs
at least once and may run whole again: the step looks at the discharge's state first, and the state lives in our tables,
never in the queue.
"""

from service.jobs.control import JobControl, JobState, QueueDepth, QueuedJob
from service.jobs.queue import Jobs
from service.jobs.steps import Errand, Steps, Task

__all__ = ["Errand", "JobControl", "JobState", "Jobs", "QueueDepth", "QueuedJob", "Steps", "Task"]
