#!/usr/bin/env bash
# npm-install.sh FOLDER: installs exactly what FOLDER/package-lock.json says, and nothing if that is there already.
# Install scripts of packages never run, and no browser is downloaded: the tests use the system's Chromium.
set -euo pipefail

cd "$1"
stamp=node_modules/.installed-from
now=$(sha256sum package-lock.json | cut -d' ' -f1)
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$now" ] && exit 0
PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
echo "$now" >"$stamp"
