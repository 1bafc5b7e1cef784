#!/bin/sh
# Runs a Python test from the root of its runfiles, so that imports read like paths.
export PYTHONPATH="$PWD" PYTHONDONTWRITEBYTECODE=1
exec "${OUTRIGGER_PYTHON:-/usr/bin/python3}" "$@"
