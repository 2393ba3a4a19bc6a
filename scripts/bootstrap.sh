#!/usr/bin/env bash
# Makes sure this machine can build Plenum, and with `test` also that it can run the whole test suite.
# Says what to do about Rust and Node.js, before anything is touched; installs Debian packages that are missing (and only
# those).
set -euo pipefail

want=${1:-build}
problems=()

rust_wanted=$(sed -n 's/^channel = "\(.*\)"$/\1/p' "$(dirname "$0")/../rust-toolchain.toml")
if ! command -v cargo >/dev/null 2>&1; then
  problems+=("Rust is missing. rustup fetches it, and $rust_wanted by itself:
    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --default-toolchain none
    . \"\$HOME/.cargo/env\"")
elif ! cargo --version >/dev/null 2>&1; then
  problems+=("cargo does not start. With rustup: rustup toolchain install $rust_wanted")
elif ! printf '%s\n%s\n' "$rust_wanted" "$(cargo --version | cut -d' ' -f2)" | sort -C -V; then
  problems+=("Rust $(cargo --version | cut -d' ' -f2) is too old. Plenum is built with $rust_wanted: rustup toolchain install $rust_wanted")
fi

node_wanted=20.19.0
node_advice="Plenum's client is built with $node_wanted or newer, which Debian 12 does not have. As root:
    curl -fsSL https://nodejs.org/dist/v22.12.0/node-v22.12.0-linux-$(uname -m | sed 's/x86_64/x64/;s/aarch64/arm64/').tar.gz |
      tar -xz -C /usr/local --strip-components=1"
if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
  problems+=("Node.js with npm is missing. $node_advice")
elif ! printf '%s\n%s\n' "$node_wanted" "$(node --version | tr -d v)" | sort -C -V; then
  problems+=("Node.js $(node --version) is too old; Debian 12 has 18. $node_advice")
fi

if [ ${#problems[@]} -gt 0 ]; then
  printf '\n%s\n' "${problems[@]}" >&2
  exit 1
fi

missing=()

# need PROGRAM PACKAGE: the package is installed when the program is not on the path.
need() { command -v "$1" >/dev/null 2>&1 || missing+=("$2"); }

need cc build-essential
need make build-essential
need cmake cmake
if [ "$want" = test ]; then
  [ -n "${CHROMIUM:-}" ] || need chromium chromium
  need python3 python3
  # The examples of the API page are run as they stand, and databases get certificates for a test.
  need curl curl
  need openssl openssl
  # Browsers on machines of their own, behind bad lines.
  need ip iproute2
  # Servers the store is tested against; only programs, no service is set up for MariaDB.
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || need initdb postgresql
  [ -x /usr/sbin/mariadbd ] || need mariadbd mariadb-server-core
  need mariadb-install-db mariadb-server-core
  need my_print_defaults mariadb-client-core
  python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
fi

if [ ${#missing[@]} -gt 0 ]; then
  mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  if ! command -v apt-get >/dev/null 2>&1 || { [ ${#as_root[@]} -gt 0 ] && ! command -v sudo >/dev/null 2>&1; }; then
    echo "Please install (names as in Debian): ${missing[*]}" >&2
    exit 1
  fi
  echo "Installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
