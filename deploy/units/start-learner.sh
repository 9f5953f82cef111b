#!/bin/sh
# Starts the run that HANDSON_RUN names, or goes on with it where there is one. The settings of a run are kept with it.
set -eu
handson=${HANDSON:-$(cd "$(dirname "$0")/../.." && pwd)/.venv/bin/handson}
run=${HANDSON_RUNS:-/var/lib/handson}/${HANDSON_RUN:-run}
if [ -e "$run/learner.toml" ]; then
  exec "$handson" learner --run-dir "$run" --resume
fi
exec "$handson" learner --config "${HANDSON_SETTINGS:-/etc/handson/learner.toml}" --run-dir "$run"
