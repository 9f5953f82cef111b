"""What the learner has been told, and how minibatches are drawn from it."""
