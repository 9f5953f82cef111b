#!/bin/sh
# Makes the virtual environment $1 with the Python $2 and installs the lock: with uv where there is one, else with pip.
set -eu
venv=$1 python=$2

refuse() {
  echo "bootstrap: $1" >&2
  echo "  -> $2" >&2
  exit 1
}

command -v "$python" >/dev/null 2>&1 || refuse "there is no $python" "sudo apt-get install -y python3 python3-venv, or make PYTHON=/path/to/python3.11"

if command -v uv >/dev/null 2>&1; then
  uv venv --quiet --clear --python "$python" "$venv"
  uv pip install --quiet --python "$venv/bin/python" --require-hashes -r requirements.lock
  uv pip install --quiet --python "$venv/bin/python" --no-deps -e .
  exit 0
fi

"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' ||
  refuse "$("$python" --version) is not 3.11, 3.12 or 3.13" "install uv (pip install uv), which brings a Python of its own, or make PYTHON=/path/to/python3.11"
# Debian keeps venv's pip in a package of its own.
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -qq && apt-get install -y -qq python3-venv
  else
    refuse "$python cannot make virtual environments" "sudo apt-get install -y python3-venv"
  fi
fi
"$python" -m venv --clear "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -e .
