"""What a host runs: the `handson` command, the launcher of a whole training run, reports, installers."""
