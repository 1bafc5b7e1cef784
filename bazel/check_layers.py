"""Checks the tree against bazel/layers.txt, whose head explains the rules.

Usage: check_layers.py [ROOT]     (default: the workspace of this file)

Visibility cannot do this: it stops a dependency, not the include of a transitive header.
"""

import fnmatch
import os
import re
import sys

ROOMS = ("api", "scheduler", "proxy", "control", "tests")
PRODUCTION = ("scheduler", "proxy", "control")
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def within(path, place):
    """Whether `path` is `place` or under it; `place` may hold *."""
    return fnmatch.fnmatchcase(path, place) or fnmatch.fnmatchcase(path, place + "/*")


class Rules:
    def __init__(self, text):
        self.top, self.rooms, self.doors, self.apart = set(), {}, [], []
        self.lines, self.twins, self.alone, self.errors = [], [], {}, []
        for number, line in enumerate(text.splitlines(), 1):
            line = line.split("#", 1)[0].strip()
            if not line:
                continue
            left, colon, right = (part.strip() for part in line.partition(":"))
            word, *names = left.split()
            if word == "top" and names and not colon:
                self.top.update(names)
            elif word == "room" and len(names) == 1 and colon:
                self.rooms[names[0]] = right.split()
            elif word == "door" and names and right:
                self.doors.append((names, right.split()))
            elif word == "apart" and len(names) == 1 and not colon:
                self.apart.append(names[0])
            elif word == "lines" and len(names) == 2 and names[1].isdigit():
                self.lines.append((names[0], int(names[1])))
            elif word == "twin" and names and not colon:
                self.twins += names
            elif word == "alone" and len(names) == 1 and right:
                self.alone[names[0]] = right
            else:
                self.errors.append(f"bazel/layers.txt:{number}: cannot read this line: {line}")

    def room_of(self, path):
        return max((room for room in self.rooms if within(path, room)), key=len, default=None)

    def sibling_of(self, path):
        """The (parent, child) folder that `apart` keeps to itself, or None."""
        for parent in self.apart:
            rest = path[len(parent) + 1:] if path.startswith(parent + "/") else ""
            if "/" in rest:
                return parent, rest.split("/")[0]
        return None


def tree_files(root):
    """Paths of all files, relative to root; generated and hidden folders are left out."""
    found = []
    for room in ROOMS:
        for folder, folders, files in os.walk(os.path.join(root, room)):
            folders[:] = sorted(f for f in folders if not f.startswith((".", "__pycache__")))
            found += [os.path.relpath(os.path.join(folder, name), root) for name in sorted(files)]
    return found


def check_include(rules, path, included):
    """The sentence that says why `path` may not include `included`, or None."""
    for names, places in rules.doors:
        if any(fnmatch.fnmatchcase(included, name) for name in names):
            if not any(within(path, place) for place in places):
                return f"includes {included}, whose door is {' '.join(places)}"
    if included.split("/")[0] not in ROOMS:
        return None
    mine, theirs = rules.sibling_of(path), rules.sibling_of(included)
    if mine and theirs and mine != theirs and mine[0] == theirs[0]:
        return f"includes {included}: folders of {mine[0]} never include one another"
    room = rules.room_of(path)
    if room is None:
        return "is in no room: give its folder a line in bazel/layers.txt"
    allowed = [room] + rules.rooms[room]
    if not any(within(included, place) for place in allowed):
        return f"includes {included}, but {room} may include only: {' '.join(allowed)}"
    return None


def check_file(rules, root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        lines = file.read().splitlines()
    for pattern, limit in rules.lines:
        if fnmatch.fnmatchcase(path, pattern):
            if len(lines) > limit:
                yield f"{path}: has {len(lines)} lines, the limit is {limit}: split it by idea"
            break
    if path.split("/")[0] not in PRODUCTION:
        return
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        complaint = match and check_include(rules, path, match.group(1) or match.group(2))
        if complaint:
            yield f"{path}:{number}: {complaint}"


def check_twins(rules, files):
    present = set(files)

    def twin(path):
        return f"tests/{path[:-len('.cc')]}_test.cc"

    for path in files:
        # Without a header of its own it is a part of another file, and tested with that one.
        wants_twin = (path.endswith(".cc") and path[:-len("cc")] + "h" in present and
                      any(within(path, place) for place in rules.twins))
        if wants_twin and twin(path) not in present and path not in rules.alone:
            yield f"{path}: has no {twin(path)} and no `alone` line that says why"
    for path in rules.alone:
        if path not in present:
            yield f"bazel/layers.txt: `alone {path}`: there is no such file"
        elif twin(path) in present:
            yield f"bazel/layers.txt: `alone {path}`: it has a test now, take the line out"


def check(root):
    with open(os.path.join(root, "bazel/layers.txt"), encoding="utf-8") as file:
        rules = Rules(file.read())
    yield from rules.errors
    for name in sorted(os.listdir(root)):
        if name not in rules.top and not name.startswith((".", "bazel-")):
            yield f"{name}: is not one of the top-level names"
    files = tree_files(root)
    for path in files:
        if path.endswith((".h", ".cc")):
            yield from check_file(rules, root, path)
    yield from check_twins(rules, files)


def main():
    here = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    findings = list(check(sys.argv[1] if len(sys.argv) > 1 else here))
    print("\n".join(findings) or "layers: clean")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
