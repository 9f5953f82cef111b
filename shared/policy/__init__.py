"""The policy: what acting needs, computed alike by the learner that trains it and the actor that acts."""
