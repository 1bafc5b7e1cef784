// What CpuSet::Parse accepts, it writes so that it reads the same set.
#include "scheduler/base/check.h"
#include "scheduler/cpu/cpu_set.h"

using outrigger::scheduler::CpuSet;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const auto parsed = CpuSet::Parse({reinterpret_cast<const char*>(bytes), size});
  if (!parsed.ok()) return 0;
  const auto again = CpuSet::Parse(parsed->ToString());
  OUTRIGGER_CHECK(again.ok() && *again == *parsed);
  return 0;
}
