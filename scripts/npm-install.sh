#!/usr/bin/env bash
# npm-install.sh FOLDER: installs exactly what FOLDER/package-lock.json says, and nothing if that is there already.
# Install scripts of packages never run, and no browser is downloaded: the tests use the system's Chromium.
set -euo pipefail

cd "$1"
stamp=node_modules/.installed-from
now=$(sha256sum package-lock.json | cut -d' ' -f1)
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$now" ] && exit 0
# Not `npm ci`: it refuses a lock file without the optional binaries of other platforms, and npm leaves those out where the
# registry at hand does not carry them. `install --no-save` takes the same versions and writes nothing.
PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error
echo "$now" >"$stamp"
