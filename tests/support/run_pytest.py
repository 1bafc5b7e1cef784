"""The last lines of a Python test: pytest over its own file, with cases that bazel counts.

    if __name__ == "__main__":
        sys.exit(run_pytest(__file__))
"""

import os

import pytest


def run_pytest(path):
    """pytest's exit code; files that tests make lie under bazel's folder for this test."""
    return pytest.main([
        path, "-p", "no:cacheprovider",
        f"--basetemp={os.environ['TEST_TMPDIR']}/pytest",
        f"--junitxml={os.environ['XML_OUTPUT_FILE']}",
    ])
