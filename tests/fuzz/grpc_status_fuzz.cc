// A grpc-message is printable ASCII and comes back whole; a grpc-timeout that can be read is
// written so that it can be read again, and is then no shorter.
#include <string_view>

#include "proxy/grpc/status.h"
#include "scheduler/base/check.h"

using namespace outrigger::proxy::grpc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const std::string encoded = EncodeMessage(text);
  for (const char c : encoded) OUTRIGGER_CHECK(c >= 0x20 && c <= 0x7e);
  OUTRIGGER_CHECK(DecodeMessage(encoded) == text.substr(0, 1024));
  DecodeMessage(text);
  ParseStatusCode(text);
  if (const auto timeout = ParseTimeout(text)) {
    const auto again = ParseTimeout(FormatTimeout(*timeout));
    OUTRIGGER_CHECK(*timeout >= 0 && again && *again >= *timeout);
  }
  return 0;
}
