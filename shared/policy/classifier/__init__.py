"""The reward classifier: what a camera shows of success. Trained by `learner.classifier`, asked by actors."""
