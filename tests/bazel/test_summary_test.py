"""test_summary.py counts cases, and never calls a broken run clean."""

import os
import tempfile
import unittest

from bazel import test_summary

XML = """<testsuites><testsuite>
<testcase name="a" status="run"/>
<testcase name="b"><failure message="no"/></testcase>
<testcase name="c"><skipped/></testcase>
<testcase name="d" status="notrun"/>
</testsuite></testsuites>"""


def completed(label, success=True):
    return {"id": {"targetCompleted": {"label": label}},
            "completed": {"success": True} if success else {}}


def ran(label, status, xml=None, **key):
    output = [{"name": "test.xml", "uri": f"file://{xml}"}] if xml else []
    return {"id": {"testResult": {"label": label, "run": 1, "shard": 1, **key}},
            "testResult": {"status": status, "testActionOutput": output}}


class TestSummaryTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def xml(self, text):
        path = os.path.join(self.folder, f"{len(os.listdir(self.folder))} test.xml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path.replace(" ", "%20")

    def counts(self, events, code):
        return test_summary.summarize(events, code)[:3]

    def test_cases_are_counted_and_skipped_ones_are_neither(self):
        events = [completed("//a"), ran("//a", "FAILED", self.xml(XML))]
        self.assertEqual(self.counts(events, 3), (1, 1, 2))

    def test_a_passing_target_without_cases_is_one(self):
        self.assertEqual(self.counts([completed("//a"), ran("//a", "PASSED")], 0), (1, 0, 0))

    def test_a_crash_after_passing_cases_is_a_failure(self):
        xml = self.xml('<testsuites><testcase name="a"/></testsuites>')
        self.assertEqual(self.counts([ran("//a", "TIMEOUT", xml)], 3), (1, 1, 0))
        self.assertEqual(self.counts([ran("//a", "FAILED", self.xml("<cut"))], 3), (0, 1, 0))

    def test_a_target_that_did_not_build_is_a_failure(self):
        events = [completed("//a"), ran("//a", "PASSED"), completed("//b", success=False)]
        self.assertEqual(self.counts(events, 1), (1, 1, 0))

    def test_the_last_attempt_counts(self):
        events = [ran("//a", "FAILED", attempt=1), ran("//a", "PASSED", attempt=2)]
        self.assertEqual(self.counts(events, 0), (1, 0, 0))

    def test_bazel_failing_for_another_reason_is_a_failure(self):
        events = [completed("//a"), ran("//a", "PASSED")]
        self.assertEqual(self.counts(events, 1), (1, 1, 0))

    def test_nothing_run_is_a_failure(self):
        self.assertEqual(self.counts([], 0), (0, 1, 0))
        self.assertEqual(self.counts([completed("//a")], 0), (0, 1, 0))

    def test_events_cut_in_the_middle_are_read_up_to_there(self):
        path = os.path.join(self.folder, "events")
        with open(path, "w", encoding="utf-8") as file:
            file.write('{"id": {}}\n{"id": {"te')
        self.assertEqual(test_summary.read_events(path), [{"id": {}}])


if __name__ == "__main__":
    unittest.main()
