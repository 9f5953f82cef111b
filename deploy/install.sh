#!/bin/sh
# Installs one role on a real host: install.sh ROLE [CUDA] [VENV] [PYTHON] [WITH]. WITH names what is attached, as in
# fr3,realsense. HANDSON_DRY_RUN=1 only prints the commands.
set -eu
cd "$(dirname "$0")/.."
role=${1:-} cuda=${2:-} venv=${3:-.venv} python=${4:-python3} with=${5:-}

refuse() {
  echo "install: $1" >&2
  echo "  -> $2" >&2
  exit 2
}

run() {
  if [ "${HANDSON_DRY_RUN:-}" = 1 ]; then echo "$*"; else "$@"; fi
}

case "$role" in
  learner | actor | robot | sim) extras=$role ;;
  *) refuse "there is no role '$role'" "make install ROLE=learner|actor|robot|sim, with CUDA=1 for a GPU" ;;
esac
case "$cuda" in
  1) extras=$extras,cuda ;;
  "" | 0) ;;
  *) refuse "CUDA is '$cuda'" "leave it out, or give CUDA=1" ;;
esac

for extra in $(echo "$with" | tr ',' ' '); do
  case "$extra" in
    fr3 | panda | robotiq | realsense | spacemouse | gamepad | formats | agentlace | rerun | wandb) extras=$extras,$extra ;;
    *) refuse "there is nothing called '$extra' to install" "WITH=fr3|panda|robotiq|realsense|agentlace|rerun|wandb, several with commas" ;;
  esac
done

new_enough() {
  "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null
}

# uv where there is one; where Python is older than 3.11 too, for uv brings a Python of its own.
if command -v uv >/dev/null 2>&1; then
  uv=uv
elif new_enough; then
  uv=
else
  command -v "$python" >/dev/null 2>&1 || refuse "there is no $python" "sudo apt-get install -y python3-pip"
  "$python" -m pip --version >/dev/null 2>&1 || refuse "$python has no pip" "sudo apt-get install -y python3-pip"
  run "$python" -m pip install --user --quiet --disable-pip-version-check uv
  uv="$python -m uv"
fi
wanted=$python
new_enough || wanted=3.12

# The lock's versions bind what the role needs; hashes cannot name an editable install, so they are left out.
constraints=$(mktemp)
trap 'rm -f "$constraints"' EXIT
sed -e '/^ *--hash/d' -e 's/ *\\$//' requirements.lock >"$constraints"

if [ -n "$uv" ]; then
  # shellcheck disable=SC2086 # "python3 -m uv" is three words
  [ -x "$venv/bin/python" ] || run $uv venv --quiet --python "$wanted" "$venv"
  # shellcheck disable=SC2086
  run $uv pip install --quiet --python "$venv/bin/python" --constraint "$constraints" -e ".[$extras]"
else
  [ -x "$venv/bin/python" ] || run "$python" -m venv "$venv"
  run "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --constraint "$constraints" -e ".[$extras]"
fi

echo "installed the role '$role' (extras $extras); next: $venv/bin/handson --help"
