#!/bin/sh
# Lets this computer's users reach cameras, SpaceMice, game pads and serial grippers. HANDSON_DRY_RUN=1 only prints the commands,
# DESTDIR puts the files below another root and touches nothing else.
set -eu
cd "$(dirname "$0")"
root=${DESTDIR:-}

run() {
  if [ "${HANDSON_DRY_RUN:-}" = 1 ]; then echo "$*"; else "$@"; fi
}

if [ -z "$root" ] && [ "${HANDSON_DRY_RUN:-}" != 1 ] && [ "$(id -u)" != 0 ]; then
  echo "install: rules of devices belong to root" >&2
  echo "  -> sudo sh deploy/udev/install.sh" >&2
  exit 2
fi

for rules in *.rules; do
  run install -D -m 644 "$rules" "$root/etc/udev/rules.d/$rules"
done
if [ -z "$root" ]; then
  getent group plugdev >/dev/null || run groupadd --system plugdev
  [ -z "${SUDO_USER:-}" ] || run usermod --append --groups plugdev "$SUDO_USER"
  run udevadm control --reload-rules
  run udevadm trigger
fi

echo "installed; plug the devices in again, and log in again where the group plugdev is new to you"
