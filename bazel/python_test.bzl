"""A Python script as a test, run by ./dev's .venv (OUTRIGGER_PYTHON) or by Debian's python3."""

def python_test(name, src, data = [], args = [], **kwargs):
    """Runs `src` with `args`; it exits 0 if it passed. `data` and imports resolve from the root."""
    native.sh_test(
        name = name,
        srcs = ["//bazel:run_python.sh"],
        args = ["$(location %s)" % src] + args,
        data = [src] + data,
        **kwargs
    )
