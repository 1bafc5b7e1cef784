"""Turns bazel's build events into the last line of `./dev test`: "N passed, N failed".

Usage: test_summary.py EVENTS_JSON BAZEL_EXIT_CODE

Counts test cases, read from each target's test.xml; a target that did not build, crashed or ran
out of time counts as one failure. Exits 0 only if something ran, nothing failed and bazel agrees.
"""

import json
import sys
import urllib.parse
import urllib.request
import xml.etree.ElementTree


def read_events(path):
    events = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            try:
                events.append(json.loads(line))
            except ValueError:  # bazel was stopped in the middle of a line
                break
    return events


def count_cases(xml_path):
    """(passed, failed, skipped) of one test.xml; zeros if it cannot be read."""
    try:
        root = xml.etree.ElementTree.parse(xml_path).getroot()
    except (OSError, xml.etree.ElementTree.ParseError):
        return 0, 0, 0
    passed = failed = skipped = 0
    for case in root.iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None or case.get("status") == "notrun":
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def summarize(events, bazel_exit_code):
    """(passed, failed, skipped, notes): the counts, and a line for what has no test case."""
    passed = failed = skipped = 0
    notes = []
    last_attempt = {}  # (label, run, shard) -> result; a later attempt replaces an earlier one
    for event in events:
        name = event.get("id", {})
        if "testResult" in name and "testResult" in event:
            key = name["testResult"]
            last_attempt[key["label"], key.get("run"), key.get("shard")] = event["testResult"]
        elif "targetCompleted" in name and not event.get("completed", {}).get("success"):
            label = name["targetCompleted"]["label"]
            if event.get("aborted", {}).get("reason") == "SKIPPED":
                continue
            if not any(label == ran for ran, _, _ in last_attempt):
                failed += 1
                notes.append(f"did not build: {label}")
    for (label, _, _), result in sorted(last_attempt.items(), key=lambda item: str(item[0])):
        xml_path = next(
            (urllib.request.url2pathname(urllib.parse.urlparse(output["uri"]).path)
             for output in result.get("testActionOutput", [])
             if output.get("name") == "test.xml" and "uri" in output), None)
        cases = count_cases(xml_path) if xml_path else (0, 0, 0)
        status = result.get("status", "NO_STATUS")
        if status == "PASSED" and not any(cases):
            cases = (1, 0, 0)
        elif status != "PASSED" and cases[1] == 0:
            cases = (cases[0], 1, cases[2])
            notes.append(f"{status.lower().replace('_', ' ')}: {label}")
        passed, failed, skipped = (a + b for a, b in zip((passed, failed, skipped), cases))
    if failed == 0 and bazel_exit_code != 0:
        failed = 1
        notes.append(f"bazel ended with exit code {bazel_exit_code} (above)")
    elif passed + failed == 0:
        failed = 1
        notes.append("no test was run")
    return passed, failed, skipped, notes


def main():
    passed, failed, skipped, notes = summarize(read_events(sys.argv[1]), int(sys.argv[2]))
    print()
    for note in notes:
        print(note)
    if skipped:
        print(f"{skipped} skipped")
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
