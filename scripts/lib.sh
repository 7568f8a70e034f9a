# What the scripts share. Source it; it prints nothing by itself.

TOOLS="$PWD/target/tools"
CARGO_TOOLS="$TOOLS/cargo"
PASSED=0
FAILED=0
FAILURES=()
export CARGO_TERM_COLOR=never

step() { printf '\n== %s\n' "$*"; }
note() { printf '   note: %s\n' "$*"; }

# Debian packages, installed if they are missing.
need_debian() {
  local missing=() package
  for package in "$@"; do
    dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
  done
  if [ ${#missing[@]} -eq 0 ]; then
    echo "   Debian packages are here: $*"
    return
  fi
  echo "   installing Debian packages: ${missing[*]}"
  local as=()
  [ "$(id -u)" = 0 ] || as=(sudo)
  "${as[@]}" apt-get update -qq >/dev/null
  DEBIAN_FRONTEND=noninteractive "${as[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || {
    echo "   cannot install ${missing[*]}" >&2
    exit 1
  }
}

# Python packages in a virtual environment below target/.
need_python() {
  local wanted="$*"
  if [ "$(cat "$TOOLS/venv/.wanted" 2>/dev/null)" = "$wanted" ]; then
    echo "   Python packages are here: $wanted"
    return
  fi
  echo "   installing Python packages into target/tools/venv: $wanted"
  mkdir -p "$TOOLS"
  python3 -m venv --clear "$TOOLS/venv" &&
    "$TOOLS/venv/bin/pip" install --quiet --disable-pip-version-check "$@" &&
    printf '%s' "$wanted" >"$TOOLS/venv/.wanted" || {
    echo "   cannot install $wanted" >&2
    exit 1
  }
}

# npm packages below target/; Node.js with npm comes from Debian if there is none.
need_npm() {
  local wanted="$*"
  if [ "$(cat "$TOOLS/npm/.wanted" 2>/dev/null)" = "$wanted" ]; then
    echo "   npm packages are here: $wanted"
    return
  fi
  command -v node >/dev/null && command -v npm >/dev/null || need_debian nodejs npm
  echo "   installing npm packages into target/tools/npm: $wanted"
  rm -rf "$TOOLS/npm"
  mkdir -p "$TOOLS/npm"
  npm install --silent --prefix "$TOOLS/npm" --ignore-scripts --no-audit --no-fund --no-update-notifier "$@" &&
    printf '%s' "$wanted" >"$TOOLS/npm/.wanted" || {
    echo "   cannot install $wanted" >&2
    exit 1
  }
}

# A cargo tool of exactly this version below target/.
need_cargo() {
  if "$CARGO_TOOLS/bin/$1" --version 2>/dev/null | grep -qF "$2"; then
    echo "   cargo tool is here: $1 $2"
    return
  fi
  echo "   building the cargo tool $1 $2 into target/tools"
  cargo install --quiet --locked --root "$CARGO_TOOLS" "$1" --version "$2" || {
    echo "   cannot build $1" >&2
    exit 1
  }
}

# One check that passes or fails as a whole.
check() {
  if "$@"; then
    PASSED=$((PASSED + 1))
  else
    FAILED=$((FAILED + 1))
    FAILURES+=("$*")
  fi
}

# `cargo test` with these arguments, beside a PostgreSQL of our own; its counts are added up.
cargo_tests() {
  local log status passed failed
  log=$(mktemp)
  printf -- '-- cargo test %s\n' "$*"
  scripts/with-postgres cargo test --quiet --no-fail-fast "$@" -- --test-threads "${TEST_THREADS:-2}" 2>&1 | tee "$log" | grep -vE '^(running [0-9]+ tests?|\.*|[.]+ [0-9]+/[0-9]+|)$'
  status=${PIPESTATUS[0]}
  passed=$(awk '/^test result:/ {sum += $4} END {print sum + 0}' "$log")
  failed=$(awk '/^test result:/ {sum += $6} END {print sum + 0}' "$log")
  [ "$status" -ne 0 ] && [ "$failed" -eq 0 ] && failed=1
  PASSED=$((PASSED + passed))
  FAILED=$((FAILED + failed))
  [ "$failed" -gt 0 ] && FAILURES+=("cargo test $*")
  rm -f "$log"
}

# The panel in Chromium, against the binary as it is built here; its counts are added up.
browser_tests() {
  local log status passed failed
  cargo build --quiet -p portcullis || {
    check false
    return
  }
  log=$(mktemp)
  printf -- '-- node tests/browser/run.mjs\n'
  node tests/browser/run.mjs 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  passed=$(sed -nE 's/^browser tests: ([0-9]+) passed, .*/\1/p' "$log")
  failed=$(sed -nE 's/^browser tests: [0-9]+ passed, ([0-9]+) failed$/\1/p' "$log")
  : "${passed:=0}" "${failed:=0}"
  [ "$status" -ne 0 ] && [ "$failed" -eq 0 ] && failed=1
  PASSED=$((PASSED + passed))
  FAILED=$((FAILED + failed))
  [ "$failed" -gt 0 ] && FAILURES+=("node tests/browser/run.mjs")
  rm -f "$log"
}

# The last line, and the exit code.
summary() {
  local failure
  if [ ${#FAILURES[@]} -gt 0 ]; then
    printf '\nFailed:\n'
    for failure in "${FAILURES[@]}"; do printf '  %s\n' "$failure"; done
  fi
  printf '\n%d passed, %d failed\n' "$PASSED" "$FAILED"
  [ "$FAILED" -eq 0 ]
}
