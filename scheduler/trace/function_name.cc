#include "scheduler/trace/function_name.h"

#include <dlfcn.h>

#include <string_view>

#include "absl/debugging/symbolize.h"
#include "absl/strings/str_format.h"

namespace outrigger::scheduler {

std::string FunctionName(const void* address) {
  char name[512];  // longer ones are cut off
  if (absl::Symbolize(address, name, sizeof(name))) return name;
  Dl_info file;
  if (dladdr(address, &file) == 0 || file.dli_fname == nullptr)
    return absl::StrFormat("%p", address);
  std::string_view path = file.dli_fname;
  path.remove_prefix(path.rfind('/') + 1);  // npos + 1 is 0
  const auto offset = static_cast<const char*>(address) - static_cast<const char*>(file.dli_fbase);
  return absl::StrFormat("%s+%#x", std::string(path), offset);
}

}  // namespace outrigger::scheduler
