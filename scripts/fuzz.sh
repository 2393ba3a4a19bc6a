#!/usr/bin/env bash
# `make fuzz`: looks for inputs that break what reads them, guided by which code they reach. Not part of `make test`, which replays
# what is in fuzz/corpus.
#
#   scripts/fuzz.sh [SECONDS] [TARGET...]   runs every target, or those, for so long (60 s each)
#   scripts/fuzz.sh --keep [TARGET...]      puts into fuzz/corpus the few of what was found that reach most
#
# What breaks a target is left in fuzz/artifacts, and the exit code is 1. To see it again: fuzz/target/*/release/TARGET FILE.
# Needs no more than what builds Plenum: the stable compiler can tell where code goes, and libFuzzer comes as a crate.
set -euo pipefail

cd "$(dirname "$0")/../fuzz"

# An input that takes longer, in seconds, or makes the process larger than that, in MiB, is a finding. What one input may hold is
# limited in src/lib.rs.
TIMEOUT=10
MOST_MEMORY=1024

# Longest file and most files that are put into the corpus of a target: all of them are replayed by each `make test`. They are named
# by so many digits of their hash.
KEPT_LENGTH=4096
KEPT_FILES=2
HASH=12

keep=
seconds=60
if [ "${1:-}" = --keep ]; then
  keep=yes
  shift
elif [[ "${1:-}" =~ ^[0-9]+$ ]]; then
  seconds=$1
  shift
fi
mapfile -t all < <(sed -n 's|^path = "fuzz_targets/\(.*\)\.rs"$|\1|p' Cargo.toml | sort)
targets=("${@:-${all[@]}}")
for target in "${targets[@]}"; do
  if [[ " ${all[*]} " != *" $target "* ]]; then
    echo "There is no target $target, but ${all[*]}" >&2
    exit 2
  fi
done

# Longest input of a target: what fits a datagram, or what is read of a message before it is refused.
longest() {
  case $1 in
    av1 | datagram | h264 | red | stun | vp8 | vp9) echo 1500 ;;
    answer | offer | sdp) echo 32768 ;;
    json | signal_session) echo 16384 ;;
    *) echo 8192 ;;
  esac
}

dictionary() {
  case $1 in
    answer | offer | sdp) echo -dict=dictionaries/sdp.dict ;;
    nats_session) echo -dict=dictionaries/nats.dict ;;
    json) echo -dict=dictionaries/json.dict ;;
  esac
}

# As cargo-fuzz has it without a sanitizer. With a target named, build scripts are left as they are.
host=$(rustc -vV | sed -n 's/^host: //p')
coverage=(-Cpasses=sancov-module)
for option in sanitizer-coverage-level=4 sanitizer-coverage-inline-8bit-counters sanitizer-coverage-pc-table \
  sanitizer-coverage-trace-compares simplifycfg-branch-fold-threshold=0; do
  coverage+=("-Cllvm-args=-$option")
done
RUSTFLAGS="${coverage[*]} --cfg fuzzing -Ccodegen-units=1" CARGO_TARGET_DIR=target \
  cargo build --quiet --locked --release --target "$host" "${targets[@]/#/--bin=}"

# run TARGET OPTION...: runs the fuzzer on what was found and on the corpus.
run() {
  local target=$1
  shift
  mkdir -p "target/found/$target" artifacts
  "target/$host/release/$target" -rss_limit_mb=$MOST_MEMORY -timeout=$TIMEOUT -max_len="$(longest "$target")" \
    -artifact_prefix="artifacts/$target-" "$@"
}

# keep TARGET: of what was found, the few files that reach most of what nothing smaller does. They take the places of those that were
# put there so before, whose names are hashes; what has a name stays. If it fails, all of them stay.
keep() {
  local target=$1 named=target/named/$1 control=target/$1.merge kept=0 file
  local files=("corpus/$target" -regextype posix-extended -type f) hashed=".*/[0-9a-f]{$HASH}"
  rm -rf "$named" "$control"
  mkdir -p "target/found/$target" "$named"
  find "${files[@]}" -regex "$hashed" -exec cp -t "target/found/$target" {} + || return 1
  find "${files[@]}" ! -regex "$hashed" -exec cp -t "$named" {} + || return 1
  run "$target" -merge=1 -merge_control_file="$control" "$named" "target/found/$target" >"target/$target.log" 2>&1 || return 1
  find "${files[@]}" -regex "$hashed" -delete
  # Two numbers, the files from the smallest on, and then what each reaches that none before it does.
  while read -r file; do
    if [ $kept -ge $KEPT_FILES ]; then break; fi
    if [[ $file == target/found/* ]] && [ "$(stat -c %s "$file")" -le $KEPT_LENGTH ]; then
      cp "$file" "corpus/$target/$(sha1sum "$file" | cut -c1-$HASH)"
      kept=$((kept + 1))
    fi
  done < <(awk 'NR == 1 { files = $1 } NR > 2 && NR <= files + 2 { name[NR - 3] = $0 } $1 == "FT" && NF > 2 { print NF - 2, name[$2] }' "$control" |
    sort -k1,1nr -k2 | cut -d' ' -f2-)
  echo "$target: $kept of $(find "target/found/$target" -type f | wc -l)"
}

failed=()
for target in "${targets[@]}"; do
  if [ -n "$keep" ]; then
    keep "$target" || failed+=("$target")
    continue
  fi
  log=target/$target.log
  # shellcheck disable=SC2046 # a dictionary is one word, or none
  if run "$target" -max_total_time="$seconds" -print_final_stats=1 $(dictionary "$target") \
    "target/found/$target" "corpus/$target" >"$log" 2>&1; then
    outcome=ok
  else
    outcome=BROKEN
    failed+=("$target")
  fi
  reached=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
  executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  printf '%-16s %-7s %9s inputs, %6s places reached\n' "$target" "$outcome" "${executed:-?}" "${reached:-?}"
  if [ $outcome != ok ]; then tail -25 "$log"; fi
done
if [ ${#failed[@]} -gt 0 ]; then
  echo "Broken: ${failed[*]}; the inputs are in fuzz/artifacts, the logs in fuzz/target" >&2
  exit 1
fi
