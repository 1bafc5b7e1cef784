"""compile_commands.py keeps our sources and hands clang only what it knows."""

import unittest

from bazel import compile_commands


def action(source):
    return {"arguments": ["/usr/bin/gcc", "-fno-canonical-system-headers", "-std=c++20", "-MD", "-MF",
                          "out.d", "-Werror", "-iquote", ".", "-c", source, "-o", "out.o"]}


class CompileCommandsTest(unittest.TestCase):
    def test_only_our_sources_have_an_entry(self):
        aquery = {"actions": [action("proxy/b.cc"), action("bazel-out/k8-opt/bin/api/a.pb.cc"),
                              action("external/x/x.cc"), {"mnemonic": "Other"},
                              action("proxy/a.cc"), action("proxy/a.cc")]}
        found = compile_commands.entries(aquery, "/tree", "/root")
        self.assertEqual([entry["file"] for entry in found], ["/tree/proxy/a.cc", "/tree/proxy/b.cc"])
        self.assertEqual({entry["directory"] for entry in found}, {"/root"})

    def test_output_and_flags_of_gcc_are_left_out(self):
        arguments = compile_commands.clang_arguments(action("proxy/a.cc")["arguments"])
        self.assertEqual(arguments, ["/usr/bin/gcc", "-std=c++20", "-iquote", ".", "-c",
                                     "proxy/a.cc"])


if __name__ == "__main__":
    unittest.main()
