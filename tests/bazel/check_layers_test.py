"""check_layers.py finds each kind of breach in a small tree that has exactly that one."""

import os
import tempfile
import unittest

from bazel import check_layers

RULES = """
top api scheduler proxy control tests bazel README.md
room scheduler/base :
room scheduler : scheduler
room proxy : scheduler proxy   # a comment
room control : scheduler proxy control api
door event2/* : scheduler/netpoll
door *.pb.h : control proxy/filters/*/wire.cc
apart proxy/filters
lines tests/* 8
lines *.h 4
twin scheduler proxy
alone proxy/main.cc : it only wires
"""

CLEAN = {
    "bazel/layers.txt": RULES,
    "scheduler/base/check.h": "#pragma once\n",
    "scheduler/task.h": '#include "scheduler/base/check.h"\n#include <vector>\n',
    "scheduler/task.cc": '#include "scheduler/task.h"\n',
    "scheduler/netpoll/poll.h": "#include <event2/event.h>\n",
    "proxy/main.cc": '#include "scheduler/task.h"\n',
    "proxy/main.h": "",
    "proxy/main_flags.cc": "",
    "proxy/filters/a/a.h": '#include "proxy/filters/filter.h"\n',
    "proxy/filters/a/wire.cc": '#include "proxy/filters/a/a.h"\n',
    "control/xds.h": '#include "api/a.pb.h"\n#include "proxy/filters/a/a.h"\n',
    "tests/scheduler/task_test.cc": '#include "control/xds.h"\n' * 8,
    "tests/proxy/filters/a/wire_test.cc": "",
    ".hidden/whatever": "",
}


class CheckLayersTest(unittest.TestCase):
    def findings_in(self, tree):
        with tempfile.TemporaryDirectory() as root:
            for path, text in tree.items():
                if text is not None:
                    os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                    with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                        file.write(text)
            return list(check_layers.check(root))

    def only(self, tree_change, start, part):
        """The clean tree with some files replaced, or taken out if None, has one such finding."""
        findings = self.findings_in({**CLEAN, **tree_change})
        self.assertEqual(len(findings), 1, findings)
        self.assertTrue(findings[0].startswith(start), findings[0])
        self.assertIn(part, findings[0])

    def test_a_clean_tree_has_no_finding(self):
        self.assertEqual(self.findings_in(CLEAN), [])

    def test_a_lower_room_may_not_include_a_higher_one(self):
        self.only({"scheduler/task.h": '\n#include "proxy/x.h"\n'},
                  "scheduler/task.h:2: ", "scheduler may include only: scheduler")

    def test_the_longest_room_holds(self):
        self.only({"scheduler/base/check.h": '#include "scheduler/task.h"\n'},
                  "scheduler/base/check.h:1: ", "scheduler/base may include only: scheduler/base")

    def test_a_foreign_library_has_one_door(self):
        self.only({"proxy/main.cc": "#  include <event2/event.h>\n"},
                  "proxy/main.cc:1: ", "whose door is scheduler/netpoll")

    def test_generated_headers_stay_behind_the_wire_file(self):
        self.only({"proxy/filters/a/a.h": '#include "api/a.pb.h"\n'},
                  "proxy/filters/a/a.h:1: ", "whose door is control")

    def test_a_filter_never_includes_another(self):
        self.only({"proxy/filters/a/a.h": '#include "proxy/filters/b/b.h"\n'},
                  "proxy/filters/a/a.h:1: ", "never include one another")

    def test_a_folder_without_a_room_is_named(self):
        without = RULES.replace("room proxy : scheduler proxy", "")
        findings = self.findings_in({**CLEAN, "bazel/layers.txt": without})
        self.assertTrue(any("is in no room" in finding for finding in findings), findings)

    def test_an_unknown_top_level_name_is_named(self):
        self.only({"utils/x.h": "#pragma once\n"}, "utils: ", "top-level")

    def test_a_long_header_is_named_with_its_limit(self):
        self.only({"scheduler/base/check.h": "//\n" * 5},
                  "scheduler/base/check.h: has 5 lines, the limit is 4", "split")

    def test_the_first_limit_that_matches_holds(self):
        self.only({"tests/scheduler/task_test.cc": "//\n" * 9},
                  "tests/scheduler/task_test.cc: has 9 lines, the limit is 8", "split")

    def test_a_source_without_a_test_is_named(self):
        self.only({"tests/scheduler/task_test.cc": None},
                  "scheduler/task.cc: ", "tests/scheduler/task_test.cc")

    def test_a_source_with_a_header_of_its_own_is_not_a_part_of_another(self):
        self.only({"proxy/main_flags.h": ""}, "proxy/main_flags.cc: ", "main_flags_test.cc")

    def test_an_exception_must_still_be_one(self):
        self.only({"tests/proxy/main_test.cc": ""}, "bazel/layers.txt: ", "take the line out")
        self.only({"proxy/main.cc": None}, "bazel/layers.txt: ", "no such file")

    def test_a_line_that_cannot_be_read_is_an_error(self):
        self.only({"bazel/layers.txt": RULES + "alone proxy/x.cc :\n"},
                  "bazel/layers.txt:14: ", "cannot read")


if __name__ == "__main__":
    unittest.main()
