#!/usr/bin/env bash
# Other people's clients against the debug binary. Needs target/debug/plenum, which carries the client it was built with, and
# target/debug/examples/mirror.
# Arguments go to node's test runner. A file that takes longer than 20 minutes is ended. Three files run at once, since all of them
# wait most of the time.
set -euo pipefail

cd "$(dirname "$0")/.."
scripts/npm-install.sh e2e # whose server and browser helpers the tests share
scripts/npm-install.sh compat

venv=$PWD/target/venv
pins=compat/python/requirements.txt
if [ ! -x "$venv/bin/python" ]; then
  python3 -m venv "$venv"
fi
now=$(sha256sum "$pins" | cut -d' ' -f1)
if [ ! -f "$venv/.installed-from" ] || [ "$(cat "$venv/.installed-from")" != "$now" ]; then
  # Not its `pip` script: in a folder that was copied, that one belongs to where it was copied from.
  "$venv/bin/python" -m pip install --quiet --requirement "$pins"
  echo "$now" >"$venv/.installed-from"
fi

rm -rf compat/artifacts
cd compat
npm run --silent prepare-tests
[ $# -gt 0 ] || set -- tests/*.test.mjs
PLENUM_PYTHON=$venv/bin/python node --test --test-timeout=1200000 --test-reporter=spec --test-concurrency=3 "$@"
