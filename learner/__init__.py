"""The learning process: it receives steps, keeps and samples them, updates the agent, publishes policies."""
