"""The page that a run leaves: one HTML file with everything inside, to open anywhere and to mail."""
