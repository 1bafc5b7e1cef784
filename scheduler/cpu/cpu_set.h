// cpu_set.h: a set of CPU numbers, 0 to 1023, as a plain value, with Linux's list format.
// The words in which affinity, cpuset and the CPU plan speak of CPUs. Knows nothing of quotas or of
// topology; only OfThisProcess and BindThisThread touch the system.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace outrigger::scheduler {

// Runs on: any. Owner: whoever holds the value. Thread-safety: as an int.
class CpuSet {
 public:
  static constexpr int kMaxCpus = 1024;

  // Walks the CPUs in ascending order; valid while the set lives unchanged.
  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    using pointer = const int*;
    using reference = int;

    Iterator() = default;
    Iterator(const CpuSet* set, int cpu) : set_(set), cpu_(cpu) {}
    int operator*() const { return cpu_; }
    Iterator& operator++() {
      cpu_ = set_->AtOrAfter(cpu_ + 1);
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator&) const = default;

   private:
    const CpuSet* set_ = nullptr;
    int cpu_ = -1;
  };

  CpuSet() = default;
  CpuSet(std::initializer_list<int> cpus);

  // Reads "0-3,5,8-11:2": numbers, ranges, and ranges with a step (as taskset writes them), in any
  // order. Blanks around the whole list are ignored. InvalidArgument, with the list and the faulty
  // piece, for anything else; a list without any CPU is faulty too.
  static absl::StatusOr<CpuSet> Parse(std::string_view list);

  // The affinity of the process's main thread, so ask before that thread is bound. CPUs from 1024
  // on are left out.
  static absl::StatusOr<CpuSet> OfThisProcess();

  // `cpu` must be within 0 and kMaxCpus - 1 (a CHECK: parse what comes from outside).
  void Add(int cpu);
  void Remove(int cpu);
  // False for any number outside 0 to kMaxCpus - 1.
  bool Contains(int cpu) const;
  bool ContainsAll(const CpuSet& other) const { return other.Subtract(*this).Empty(); }

  int Count() const;
  bool Empty() const { return AtOrAfter(0) < 0; }
  // The lowest CPU, or -1 in an empty set.
  int First() const { return AtOrAfter(0); }
  // The lowest CPU that is `cpu` or more, or -1.
  int AtOrAfter(int cpu) const;
  Iterator begin() const { return Iterator(this, First()); }
  Iterator end() const { return Iterator(this, -1); }

  CpuSet Intersect(const CpuSet& other) const;
  CpuSet Union(const CpuSet& other) const;
  CpuSet Subtract(const CpuSet& other) const;
  bool operator==(const CpuSet&) const = default;

  // "0-3,5,8,10"; "" for an empty set.
  std::string ToString() const;

 private:
  static constexpr int kWordBits = 64;
  std::array<uint64_t, kMaxCpus / kWordBits> words_ = {};
};

// Sets the calling thread's affinity. The kernel ignores CPUs of the set that the cpuset forbids,
// and refuses a set that has no other.
absl::Status BindThisThread(const CpuSet& cpus);

}  // namespace outrigger::scheduler
