// What ParseYaml accepts, EmitYaml writes so that it parses again, and then to the same text.
#include "control/bootstrap/yaml.h"
#include "scheduler/base/check.h"

using outrigger::control::EmitYaml;
using outrigger::control::ParseYaml;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto parsed = ParseYaml(
      text, "fuzz.yaml", {.max_bytes = 1 << 16, .max_text_bytes = 1 << 18, .max_nodes = 10'000});
  if (!parsed.ok()) return 0;
  const std::string emitted = EmitYaml(*parsed);
  const auto again = ParseYaml(emitted, "emitted.yaml");
  OUTRIGGER_CHECK(again.ok());
  OUTRIGGER_CHECK(EmitYaml(*again) == emitted);
  return 0;
}
