"""The link: one ROUTER port on the learner, two DEALERs on each actor. The only place that knows ZeroMQ."""
