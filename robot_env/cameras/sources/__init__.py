"""Where frames come from, inside the process that captures them."""
