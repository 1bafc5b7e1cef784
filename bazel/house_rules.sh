#!/bin/bash
# The house rules that a grep can see, each with its reason. Part of ./dev lint.
# A line that must break one ends in `// house: why`; the reason is for the reader.
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")/.." || exit
failed=0

# ban REASON REGEX PATHSPEC...: no line of these files may match the extended regex.
ban() {
  local reason=$1 regex=$2 hits
  shift 2
  hits=$(git grep --untracked -nPI "$regex" -- "$@" | grep -vE '// house: |# house: |:[0-9]+: *(//|#)')
  [ -z "$hits" ] || report "$reason" "$hits"
}

# demand REASON REGEX PATHSPEC...: each of these files has a line that matches.
demand() {
  local reason=$1 regex=$2 hits
  shift 2
  hits=$(git grep --untracked -LPI "$regex" -- "$@")
  [ -z "$hits" ] || report "$reason" "$hits"
}

report() {
  printf '%s\n  house rule: %s\n' "$2" "$1"
  failed=1
}

cpp=('*.h' '*.cc')
ours=('scheduler/*.h' 'scheduler/*.cc' 'proxy/*.h' 'proxy/*.cc' 'control/*.h' 'control/*.cc')

ban "name the implementation by its manner (LeastRequest), the interface by its role (LoadBalancer)" \
  '\b(class|struct)\s+\w*Impl\b' "${cpp[@]}"
ban "the word says nothing: name what it does or holds" \
  '\b(class|struct)\s+(?!ConnectionManager\b)\w*(Manager|Helper|Util|Utils|Common|Context|Info|Data)\b\s*(final\s*)?[{:]' \
  "${ours[@]}"
ban "a header's using namespace reaches everyone who includes it" \
  '^\s*using namespace' '*.h'
ban "threads come from the scheduler alone: only its Ms have a name and a CPU" \
  '\bstd::j?thread\b(?!::)|\bpthread_create\b|\bstd::async\b' "${ours[@]}" ':!scheduler/core' \
  ':!scheduler/pool.*'
ban "scheduler/base/mutex.h carries the thread-safety annotations" \
  '\bstd::(shared_|recursive_|timed_)?mutex\b' "${ours[@]}" ':!scheduler/base/mutex.h'
ban "system abseil is not instrumented: TSan would report correct code" \
  '\babsl::(Mutex|call_once|Notification|BlockingCounter)\b' "${cpp[@]}"
ban "g++ 12 does not model fences under TSan: use seq_cst operations on variables" \
  '\batomic_thread_fence\b' "${cpp[@]}"
ban "a test that sleeps is slow or flaky: wait for the event, with a fake clock or a condition" \
  '\bsleep_(for|until)\s*\(|\b(u|nano)?sleep\s*\(' 'tests/*.h' 'tests/*.cc' 'tests/*.py' ':!tests/support'
ban "we throw nothing: return a Status, or a StreamError on the request path" \
  '(^|[;{)])\s*throw\b(?!.*\bPanic\b)' "${ours[@]}"
ban "a lambda's captures die before its coroutine does: write a named function" \
  '\[[^\]]+\]\s*\([^)]*\)[^;{]*->\s*(\w+::)*Task<' "${cpp[@]}"
ban "no bound or no error: absl::SimpleAtoi, absl::StrCat, std::string" \
  '\b(sprintf|strcpy|strcat|strtok|atoi|atol|atof)\s*\(' "${ours[@]}"
ban "std::regex backtracks without bound: RE2" '\bstd::regex' "${cpp[@]}"
ban "iostream costs start-up time in each pod: OUTRIGGER_LOG, or stdio in control/process" \
  '#\s*include\s*<iostream>' "${ours[@]}"
ban "finish it, or write TODO(#issue)" 'TODO(?!\(#\d+\))' "${cpp[@]}" '*.py' dev
ban "open a target to a package group of the root BUILD file, never to all" \
  'visibility:public' '*BUILD.bazel' ':!bazel/rules_cc' ':!bazel/remote_coverage_tools'
demand "a header is read once" '^#pragma once' '*.h'
demand "a header opens with '// file.h: what it is'" '^// \w+\.h: ' '*.h'
demand "each BUILD file says who may enter" '^package\(' '*BUILD.bazel' \
  ':!bazel/rules_cc' ':!bazel/remote_coverage_tools'

exit "$failed"
