"""Pictures of a simulated scene, with whatever this machine has to draw them."""
