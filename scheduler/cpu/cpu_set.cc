#include "scheduler/cpu/cpu_set.h"

#include <sched.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "scheduler/base/check.h"
#include "scheduler/base/status_macros.h"

namespace outrigger::scheduler {
namespace {

// All 1024 CPUs, one by one, take 5 KB.
constexpr size_t kMaxListLength = 16 * 1024;
constexpr size_t kMaxQuotedLength = 64;

std::string Quote(std::string_view text) {
  const bool cut = text.size() > kMaxQuotedLength;
  const absl::string_view shown(text.data(), cut ? kMaxQuotedLength : text.size());
  return absl::StrCat("\"", absl::CHexEscape(shown), cut ? "..." : "", "\"");
}

absl::Status BadList(std::string_view list, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat("bad CPU list ", Quote(list), ": ", why));
}

// Digits only: absl::SimpleAtoi alone would also take signs and blanks.
std::optional<int> ParseNumber(absl::string_view text) {
  int number = 0;
  if (text.empty() || !absl::ascii_isdigit(text.front()) || !absl::SimpleAtoi(text, &number) ||
      !absl::ascii_isdigit(text.back())) {
    return std::nullopt;
  }
  return number;
}

struct Range {
  int first = 0;
  int last = 0;
  int step = 1;
};

std::optional<Range> SplitRange(absl::string_view piece) {
  const size_t dash = piece.find('-');
  const std::optional<int> first = ParseNumber(piece.substr(0, dash));
  if (!first.has_value()) return std::nullopt;
  if (dash == absl::string_view::npos) return Range{*first, *first, 1};

  const absl::string_view rest = piece.substr(dash + 1);
  const size_t colon = rest.find(':');
  const std::optional<int> last = ParseNumber(rest.substr(0, colon));
  if (!last.has_value()) return std::nullopt;
  if (colon == absl::string_view::npos) return Range{*first, *last, 1};

  const std::optional<int> step = ParseNumber(rest.substr(colon + 1));
  if (!step.has_value()) return std::nullopt;
  return Range{*first, *last, *step};
}

absl::StatusOr<Range> ParseRange(std::string_view list, absl::string_view piece) {
  const std::optional<Range> range = SplitRange(piece);
  const std::string quoted = Quote({piece.data(), piece.size()});
  if (!range.has_value()) {
    return BadList(list, absl::StrCat(quoted, " is not a number N, a range N-M or N-M:STEP"));
  }
  if (range->first >= CpuSet::kMaxCpus || range->last >= CpuSet::kMaxCpus) {
    return BadList(list, absl::StrCat("CPU ", std::max(range->first, range->last),
                                      " is beyond the last one possible, ", CpuSet::kMaxCpus - 1));
  }
  if (range->last < range->first) return BadList(list, absl::StrCat(quoted, " runs backwards"));
  if (range->step < 1) return BadList(list, absl::StrCat(quoted, " has a step of 0"));
  return *range;
}

}  // namespace

CpuSet::CpuSet(std::initializer_list<int> cpus) {
  for (int cpu : cpus) Add(cpu);
}

absl::StatusOr<CpuSet> CpuSet::Parse(std::string_view list) {
  if (list.size() > kMaxListLength) {
    return BadList(list, absl::StrCat("it is longer than ", kMaxListLength, " bytes"));
  }
  const absl::string_view text =
      absl::StripAsciiWhitespace(absl::string_view(list.data(), list.size()));
  if (text.empty()) return BadList(list, "it names no CPU");
  CpuSet set;
  for (absl::string_view piece : absl::StrSplit(text, ',')) {
    OUTRIGGER_ASSIGN_OR_RETURN(const Range range, ParseRange(list, piece));
    // `step` may be close to the largest int, `last` is small: no overflow this way round.
    for (int cpu = range.first;; cpu += range.step) {
      set.Add(cpu);
      if (range.step > range.last - cpu) break;
    }
  }
  return set;
}

absl::StatusOr<CpuSet> CpuSet::OfThisProcess() {
  // The kernel refuses a buffer smaller than its own mask, which may have 8192 bits.
  std::array<cpu_set_t, 8> masks;
  static_assert(CPU_SETSIZE == kMaxCpus);
  if (sched_getaffinity(getpid(), sizeof(masks), masks.data()) != 0) {
    return absl::ErrnoToStatus(errno, "cannot read this process's CPU affinity");
  }
  CpuSet set;
  for (int cpu = 0; cpu < kMaxCpus; ++cpu) {
    if (CPU_ISSET(cpu, &masks[0])) set.Add(cpu);
  }
  if (set.Empty()) {
    return absl::OutOfRangeError(
        absl::StrCat("this process may run only on CPUs from ", kMaxCpus,
                     " on, which are not supported; give it lower ones (taskset, cpuset)"));
  }
  return set;
}

void CpuSet::Add(int cpu) {
  OUTRIGGER_CHECK(cpu >= 0 && cpu < kMaxCpus);
  words_[cpu / kWordBits] |= uint64_t{1} << (cpu % kWordBits);
}

void CpuSet::Remove(int cpu) {
  OUTRIGGER_CHECK(cpu >= 0 && cpu < kMaxCpus);
  words_[cpu / kWordBits] &= ~(uint64_t{1} << (cpu % kWordBits));
}

bool CpuSet::Contains(int cpu) const {
  return cpu >= 0 && cpu < kMaxCpus && ((words_[cpu / kWordBits] >> (cpu % kWordBits)) & 1) != 0;
}

int CpuSet::Count() const {
  int count = 0;
  for (uint64_t word : words_) count += std::popcount(word);
  return count;
}

int CpuSet::AtOrAfter(int cpu) const {
  if (cpu < 0) cpu = 0;
  for (int index = cpu / kWordBits; index < static_cast<int>(words_.size()); ++index) {
    uint64_t word = words_[index];
    if (index == cpu / kWordBits) word &= ~uint64_t{0} << (cpu % kWordBits);
    if (word != 0) return index * kWordBits + std::countr_zero(word);
  }
  return -1;
}

CpuSet CpuSet::Intersect(const CpuSet& other) const {
  CpuSet result;
  for (size_t i = 0; i < words_.size(); ++i) result.words_[i] = words_[i] & other.words_[i];
  return result;
}

CpuSet CpuSet::Union(const CpuSet& other) const {
  CpuSet result;
  for (size_t i = 0; i < words_.size(); ++i) result.words_[i] = words_[i] | other.words_[i];
  return result;
}

CpuSet CpuSet::Subtract(const CpuSet& other) const {
  CpuSet result;
  for (size_t i = 0; i < words_.size(); ++i) result.words_[i] = words_[i] & ~other.words_[i];
  return result;
}

std::string CpuSet::ToString() const {
  std::string list;
  for (int first = First(); first >= 0;) {
    int last = first;
    while (Contains(last + 1)) ++last;
    absl::StrAppend(&list, list.empty() ? "" : ",", first);
    if (last > first) absl::StrAppend(&list, "-", last);
    first = AtOrAfter(last + 1);
  }
  return list;
}

absl::Status BindThisThread(const CpuSet& cpus) {
  if (cpus.Empty()) return absl::InvalidArgumentError("cannot bind a thread to no CPU at all");
  cpu_set_t mask;
  CPU_ZERO(&mask);
  for (int cpu : cpus) CPU_SET(cpu, &mask);
  if (sched_setaffinity(0, sizeof(mask), &mask) == 0) return absl::OkStatus();
  const int error = errno;
  const std::string what = absl::StrCat("cannot bind a thread to CPUs ", cpus.ToString());
  if (error != EINVAL) return absl::ErrnoToStatus(error, what);
  return absl::FailedPreconditionError(
      absl::StrCat(what, ": none of them is online and in this process's cpuset"));
}

}  // namespace outrigger::scheduler
