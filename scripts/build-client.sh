#!/usr/bin/env bash
# Builds the browser client into web/dist, which the server embeds. Does nothing when no input changed since last time.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
stamp=target/client.inputs

inputs() {
  find web proto -type f \
    -not -path '*/node_modules/*' -not -path 'web/dist/*' -not -path 'web/src/wire/gen/*' -print0 |
    LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1
}

now=$(inputs)
if [ -f web/dist/index.html ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$now" ]; then
  exit 0
fi
echo "Building the client"
scripts/npm-install.sh web
npm --prefix web run --silent build
mkdir -p target
echo "$now" >"$stamp"
