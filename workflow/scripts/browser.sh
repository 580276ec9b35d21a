#!/bin/sh
# Install Chromium for the tests of pages where it is missing (Debian, Ubuntu: as root or with sudo).
set -eu

for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then exit 0; fi
done
export DEBIAN_FRONTEND=noninteractive
as_root=
if [ "$(id -u)" != 0 ]; then as_root="sudo --non-interactive"; fi
if ! { $as_root apt-get update --quiet=2 && $as_root apt-get install --quiet=2 --no-install-recommends chromium; }; then
    echo "browser: Chromium is missing and cannot be installed here. Install it: apt-get install chromium" >&2
    exit 1
fi
