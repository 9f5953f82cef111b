"""`handson runs doctor RUN`: why a run is not learning, from the files that it left."""
