#!/usr/bin/env bash
# The real binary and real browsers. Needs target/debug/plenum. Arguments go to node's test runner.
set -euo pipefail

cd "$(dirname "$0")/.."
scripts/npm-install.sh e2e
rm -rf e2e/artifacts
cd e2e
[ $# -gt 0 ] || set -- tests/*.test.mjs
node --test --test-reporter=spec --test-concurrency=1 "$@"
