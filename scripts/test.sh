#!/usr/bin/env bash
# `make test`: everything that must hold before a change lands, cheapest first. CI runs exactly this.
#
# ONLY="rust e2e" runs just those sections. A failed section does not hide the others, except those that need its result.
# Every section has a limit, and so has the whole: what hangs is a failure with a name.
set -uo pipefail

WHOLE_LIMIT=$((87 * 60)) # seconds; a clean clone on two slow cores with nothing built needs about four fifths of it

cd "$(dirname "$0")/.." || exit 1
export NO_COLOR=1 CARGO_TERM_COLOR=never FORCE_COLOR=0 PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1
logs=target/test-logs
summary=()
failed=()
running=

# section NAME "needs other sections" MINUTES: runs the function of that name.
section() {
  local name=$1 needs=$2 limit=$(($3 * 60)) started=$SECONDS outcome=ok need status
  if [ -n "${ONLY:-}" ] && [[ " $ONLY " != *" $name "* ]]; then return; fi
  for need in $needs; do
    if [[ " ${failed[*]:-} " == *" $need "* ]]; then
      summary+=("$(printf '%-10s skipped, since %s failed' "$name" "$need")")
      failed+=("$name")
      return
    fi
  done
  printf '\n==== %s ====\n' "$name"
  if [ $((WHOLE_LIMIT - SECONDS)) -lt "$limit" ]; then limit=$((WHOLE_LIMIT - SECONDS)); fi
  if [ "$limit" -le 0 ]; then
    status=124
  else
    # A program of its own, since `timeout` bounds programs and not functions; in the background, so that Ctrl-C is heard.
    local out tee
    exec {out}> >(tee "$logs/$name.log")
    tee=$!
    timeout --kill-after=30 "$limit" scripts/test.sh --section "$name" >&"$out" 2>&1 &
    running=$!
    exec {out}>&-
    wait "$running"
    status=$?
    running=
    wait "$tee"
  fi
  case $status in
    0) ;;
    124 | 137) outcome=HANGS ;;
    *) outcome=FAILED ;;
  esac
  if [ "$outcome" != ok ]; then failed+=("$name"); fi
  if [ "$outcome" = HANGS ]; then printf '%s did not end within %d s\n' "$name" "$limit"; fi
  summary+=("$(printf '%-10s %-7s %4d s' "$name" "$outcome" $((SECONDS - started)))")
}

format() {
  cargo fmt --all --check -- --color never
}

house() {
  cargo test --quiet --locked --package xtask && cargo xtask all || return 1
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
  # The second time as it is shipped: the tests ask libraries for more, which the product alone must do without.
  cargo clippy --locked --workspace --all-targets -- -D warnings && cargo clippy --locked --package plenum -- -D warnings
}

rust() {
  scripts/databases.sh cargo test --locked --workspace --exclude xtask
}

binary() {
  # With what the tests ask of libraries, so that hardly anything is built twice; the client inside is the one just built.
  cargo build --locked --workspace --exclude xtask --bins --examples
}

compat() {
  scripts/compat.sh
}

e2e() {
  scripts/e2e.sh
}

# The totals of every runner's closing lines: cargo test, vitest, node's test runner. Flaky is what passed at its second
# chance; it counts as passed, and is worth a look.
totals() {
  cat "$logs"/*.log | awk '
    /^test result: / { for (i = 1; i <= NF; i++) { if ($i ~ /^passed/) p += $(i-1); if ($i ~ /^failed/) f += $(i-1); if ($i ~ /^ignored/) s += $(i-1) } }
    /^ *Tests +[0-9]/ { for (i = 1; i <= NF; i++) { if ($i == "passed") p += $(i-1); if ($i == "failed") f += $(i-1); if ($i == "skipped") s += $(i-1) } }
    /^(ℹ|#) pass [0-9]+$/ { p += $3 } /^(ℹ|#) fail [0-9]+$/ { f += $3 } /^(ℹ|#) skipped [0-9]+$/ { s += $3 }
    /^ *(ℹ|#) FLAKY: / { y += 1 }
    END { printf "%d passed, %d failed, %d skipped, %d flaky\n", p, f, s, y }'
}

if [ "${1:-}" = --section ]; then
  "$2"
  exit
fi

trap '[ -z "$running" ] || kill "$running" 2>/dev/null; exit 130' INT TERM
mkdir -p "$logs"
rm -f "$logs"/*.log
scripts/bootstrap.sh test || exit 1
section format "" 5
section house "" 15
section web "" 15
section lint "" 40
section rust "" 60
section binary "web" 40
section compat "binary" 35
section e2e "binary" 50

printf '\n==== summary ====\n'
printf '%s\n' "${summary[@]}"
printf 'whole      %-7s %4d s\n\n' "$([ ${#failed[@]} = 0 ] && echo ok || echo FAILED)" "$SECONDS"
totals
[ ${#failed[@]} = 0 ]
