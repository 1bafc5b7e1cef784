// Any text either compiles as a header's value or is refused, and whatever a request brings, the
// value made of it can be sent: without NUL, CR and LF. The input's first line is the format, the
// rest what headers and query hold.
#include <string>
#include <string_view>

#include "proxy/access_log/format.h"
#include "scheduler/base/check.h"

using namespace outrigger::proxy;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  const std::string_view text = input.substr(0, input.find('\n'));
  const std::string_view value = input.substr(std::min(text.size() + 1, input.size()));
  const absl::StatusOr<AccessLogFormat> format = AccessLogFormat::Text(text, /*omit_empty=*/true);
  if (!format.ok()) return 0;
  Arena arena;
  Headers headers(arena);
  headers.Add(HeaderName::kPath, "/?q=" + std::string(value));
  headers.Add("x-a", value);
  AccessRecord record;
  record.request = record.response = record.response_trailers = &headers;
  record.downstream_remote = record.upstream_host = value;
  std::string made;
  format->AppendValue(record, made);
  OUTRIGGER_CHECK(made.find_first_of(std::string_view("\0\r\n", 3)) == std::string::npos ||
                  text.find_first_of(std::string_view("\0\r\n", 3)) != std::string::npos);
  std::string line;
  format->Append(record, line);
  return 0;
}
