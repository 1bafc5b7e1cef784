#!/bin/bash
# Runs field_numbers_test.py with the interpreter that has tests/requirements.txt installed.
set -euo pipefail
script="$(readlink -f tests/api/field_numbers_test.py)"
workspace="${script%/tests/api/*}"
python="${OUTRIGGER_PYTHON:-$workspace/.venv/bin/python}"

if [[ ! -x "$python" ]]; then
  echo "no Python at $python: run ./dev test, or set --test_env=OUTRIGGER_PYTHON to one that has" \
    "tests/requirements.txt installed" >&2
  exit 1
fi
if ! "$python" -c 'import envoy.config.bootstrap.v3.bootstrap_pb2, grpc_health, grpc_reflection'; then
  echo "$python lacks packages: $python -m pip install -r tests/requirements.txt" >&2
  exit 1
fi
exec "$python" "$script" "$@"
