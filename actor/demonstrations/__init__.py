"""Demonstrations: recorded with a person in charge, looked at, mended, played back, drawn."""
