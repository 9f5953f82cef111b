"""Training of reward classifiers from labelled frames: `handson classifier train` and `show`."""
