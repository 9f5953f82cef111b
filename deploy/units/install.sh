#!/bin/sh
# Installs the service of one role: install.sh learner|actor|robot [USER]. HANDSON_DRY_RUN=1 only prints the commands,
# DESTDIR puts the files below another root and touches nothing else.
set -eu
cd "$(dirname "$0")"
role=${1:-} user=${2:-handson}
checkout=$(cd ../.. && pwd)
root=${DESTDIR:-}

refuse() {
  echo "install: $1" >&2
  echo "  -> $2" >&2
  exit 2
}

run() {
  if [ "${HANDSON_DRY_RUN:-}" = 1 ]; then echo "$*"; else "$@"; fi
}

case "$role" in
  learner | actor | robot) ;;
  *) refuse "there is no service of '$role'" "sudo sh deploy/units/install.sh learner|actor|robot [USER]" ;;
esac
case "$checkout" in
  *[!A-Za-z0-9/._-]*) refuse "$checkout has characters that a unit cannot hold" "move it to /opt/handson" ;;
esac
if [ -z "$root" ] && [ "${HANDSON_DRY_RUN:-}" != 1 ] && [ "$(id -u)" != 0 ]; then
  refuse "services belong to root" "sudo sh deploy/units/install.sh $role"
fi

unit=$(mktemp)
trap 'rm -f "$unit"' EXIT
sed -e "s|/opt/handson|$checkout|g" -e "s|^User=.*|User=$user|" "handson-$role.service" >"$unit"

if [ -z "$root" ] && ! id "$user" >/dev/null 2>&1; then
  run useradd --system --create-home --home-dir /var/lib/handson --groups plugdev,video,dialout "$user"
fi
run install -D -m 644 "$unit" "$root/etc/systemd/system/handson-$role.service"
if [ -f "$role.toml" ] && [ ! -e "$root/etc/handson/$role.toml" ]; then
  run install -D -m 644 "$role.toml" "$root/etc/handson/$role.toml"
fi
[ -n "$root" ] || run systemctl daemon-reload

echo "installed handson-$role.service; next: edit /etc/handson/$role.toml, then sudo systemctl start handson-$role"
