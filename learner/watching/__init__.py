"""Watching: figures of what comes in, for charts and alarms; nothing of it trains anything."""
