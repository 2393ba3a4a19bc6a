#!/usr/bin/env bash
# The real binary and real browsers. Needs target/debug/plenum, which carries the client it was built with. Arguments go
# to node's test runner. A file that takes longer than 20 minutes is ended.
set -euo pipefail

cd "$(dirname "$0")/.."
scripts/npm-install.sh e2e
rm -rf e2e/artifacts
cd e2e
[ $# -gt 0 ] || set -- tests/*.test.mjs
node --test --test-timeout=1200000 --test-reporter=spec --test-concurrency=1 "$@"
