"""A libFuzzer target. `./dev fuzz` runs it for real; a plain `bazel test` replays its corpus."""

def fuzz_test(name, deps):
    """`<name>_fuzz.cc` defines LLVMFuzzerTestOneInput; its seeds are in `corpus/<name>/`."""
    seeds = native.glob(["corpus/%s/*" % name])
    native.cc_test(
        name = name,
        size = "small",
        srcs = [name + "_fuzz.cc"] + select({
            "//bazel:fuzzing": [],
            "//conditions:default": ["replay_main.cc"],
        }),
        args = ["$(location %s)" % seed for seed in seeds],
        data = seeds,
        linkopts = select({
            "//bazel:fuzzing": ["-fsanitize=fuzzer"],
            "//conditions:default": [],
        }),
        tags = ["fuzz"],
        deps = deps,
    )
