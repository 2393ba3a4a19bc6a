#!/usr/bin/env bash
# `make test`: everything that must hold before a change lands, cheapest first. CI runs exactly this.
#
# ONLY="rust e2e" runs just those sections. A failed section does not hide the others, except those that need its result.
set -uo pipefail

cd "$(dirname "$0")/.." || exit 1
export NO_COLOR=1 CARGO_TERM_COLOR=never FORCE_COLOR=0 PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1
logs=target/test-logs
mkdir -p "$logs"
rm -f "$logs"/*.log
summary=()
failed=()

# section NAME "needs other sections" COMMAND...
section() {
  local name=$1 needs=$2 started=$SECONDS outcome=ok need
  shift 2
  if [ -n "${ONLY:-}" ] && [[ " $ONLY " != *" $name "* ]]; then return; fi
  for need in $needs; do
    if [[ " ${failed[*]:-} " == *" $need "* ]]; then
      summary+=("$(printf '%-10s skipped, since %s failed' "$name" "$need")")
      failed+=("$name")
      return
    fi
  done
  printf '\n==== %s ====\n' "$name"
  if ! "$@" 2>&1 | tee "$logs/$name.log"; then
    outcome=FAILED
    failed+=("$name")
  fi
  summary+=("$(printf '%-10s %-7s %4d s' "$name" "$outcome" $((SECONDS - started)))")
}

format() {
  cargo fmt --all --check -- --color never
}

house() {
  cargo test --quiet --locked --package xtask && cargo xtask all || return 1
  if cargo deny --version >/dev/null 2>&1; then
    cargo deny check bans licenses sources || return 1
  fi
  node --test --test-reporter=spec scripts/*.test.mjs && node scripts/npm-licences.mjs web e2e compat
}

web() {
  scripts/npm-install.sh web || return 1
  local script
  for script in gen typecheck lint format:check test; do
    echo "-- $script"
    npm --prefix web run --silent "$script" || return 1
  done
  echo "-- scripts, e2e, compat"
  web/node_modules/.bin/prettier --log-level warn --check . || return 1
  web/node_modules/.bin/oxlint --deny-warnings scripts e2e compat bench || return 1
  scripts/build-client.sh
}

lint() {
  cargo clippy --locked --workspace --all-targets -- -D warnings
}

rust() {
  scripts/databases.sh cargo test --locked --workspace --exclude xtask
}

binary() {
  cargo build --locked --package plenum
}

compat() {
  scripts/compat.sh
}

e2e() {
  scripts/e2e.sh
}

# The totals of every runner's closing lines: cargo test, vitest, node's test runner.
totals() {
  cat "$logs"/*.log | awk '
    /^test result: / { for (i = 1; i <= NF; i++) { if ($i ~ /^passed/) p += $(i-1); if ($i ~ /^failed/) f += $(i-1); if ($i ~ /^ignored/) s += $(i-1) } }
    /^ *Tests +[0-9]/ { for (i = 1; i <= NF; i++) { if ($i == "passed") p += $(i-1); if ($i == "failed") f += $(i-1); if ($i == "skipped") s += $(i-1) } }
    /^(ℹ|#) pass [0-9]+$/ { p += $3 } /^(ℹ|#) fail [0-9]+$/ { f += $3 } /^(ℹ|#) skipped [0-9]+$/ { s += $3 }
    END { printf "%d passed, %d failed, %d skipped\n", p, f, s }'
}

scripts/bootstrap.sh test || exit 1
section format "" format
section house "" house
section web "" web
section lint "" lint
section rust "" rust
section binary "web" binary
section compat "binary" compat
section e2e "binary" e2e

printf '\n==== summary ====\n'
printf '%s\n' "${summary[@]}"
printf 'whole      %-7s %4d s\n\n' "$([ ${#failed[@]} = 0 ] && echo ok || echo FAILED)" "$SECONDS"
totals
[ ${#failed[@]} = 0 ]
