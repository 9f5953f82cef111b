"""Alarms: why a run is not learning, told from its metrics; by themselves they change nothing.

`learner.alarms.diagnosis` asks all of them. Each is a pure function of a `History`, so the same ones speak in
the learner's screen and log, in `handson sim` and in `handson runs doctor`.
"""
