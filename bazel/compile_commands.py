"""Writes compile_commands.json for clangd and clang-tidy, from `bazel aquery`.

Usage: compile_commands.py                  write the file
       compile_commands.py --known FILE...  print those FILEs that it has an entry for
"""

import json
import os
import subprocess
import sys

# Flags of g++ that clang does not know, and output that a reader of the file must not write.
NOT_FOR_CLANG = ("-fno-canonical-system-headers", "-Wunused-but-set-parameter",
                 "-Wno-free-nonheap-object", "-Werror", "-MD")
DATABASE = "compile_commands.json"


def clang_arguments(arguments):
    kept, skip = [], False
    for argument in arguments:
        if skip:
            skip = False
        elif argument in ("-MF", "-o"):
            skip = True
        elif argument not in NOT_FOR_CLANG:
            kept.append(argument)
    return kept


def source_of(arguments):
    return arguments[arguments.index("-c") + 1] if "-c" in arguments else ""


def entries(aquery, workspace, execution_root):
    """One entry a source of our own; headers and foreign sources are left out."""
    found = {}
    for action in aquery.get("actions", []):
        source = source_of(action.get("arguments", []))
        if source.endswith(".cc") and not source.startswith(("external/", "bazel-out/")):
            found[source] = {
                "directory": execution_root,
                "file": os.path.join(workspace, source),
                "arguments": clang_arguments(action["arguments"]),
            }
    return [found[source] for source in sorted(found)]


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def main():
    workspace = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    os.chdir(workspace)
    if sys.argv[1:2] == ["--known"]:
        with open(DATABASE, encoding="utf-8") as file:
            known = {os.path.relpath(entry["file"], workspace) for entry in json.load(file)}
        print("\n".join(name for name in sys.argv[2:] if name in known))
        return
    aquery = json.loads(run("bazel", "aquery", "--ui_event_filters=-info", "--noshow_progress",
                            "--keep_going", "--output=jsonproto", 'mnemonic("CppCompile", //...)'))
    root = run("bazel", "info", "--ui_event_filters=-info", "execution_root").strip()
    with open(DATABASE, "w", encoding="utf-8") as file:
        json.dump(entries(aquery, workspace, root), file, indent=1)


if __name__ == "__main__":
    main()
