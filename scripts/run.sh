#!/usr/bin/env bash
# `make run`: builds what is missing and starts a Plenum of your own on this machine.
# PLENUM_DATA: data folder (default ./data). PLENUM_ARGS: further arguments of `plenum serve`.
set -euo pipefail

cd "$(dirname "$0")/.."
scripts/bootstrap.sh build
scripts/build-client.sh
echo "Building the server (the first time takes some minutes)"
cargo build --quiet --locked --profile quick --package plenum
# shellcheck disable=SC2086 # arguments are meant to be split
exec target/quick/plenum serve --dev --data "${PLENUM_DATA:-data}" ${PLENUM_ARGS:-}
