// operators.h: one %OPERATOR(argument):length% of Envoy's access log format, and its value for one
// record. Parsed once; evaluating allocates nothing but what a caller's buffer needs to grow.
// Not here: what is printed for a missing value, and escaping (format.cc).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "proxy/access_log/record.h"
#include "proxy/access_log/time_format.h"

namespace outrigger::proxy {

// Of an operator for one record. Text is good as long as the record and the scratch are.
struct AccessValue {
  enum class Kind : uint8_t { kMissing, kText, kNumber };
  Kind kind = Kind::kMissing;
  std::string_view text;
  int64_t number = 0;

  // An empty text is missing, as in Envoy.
  static AccessValue Text(std::string_view text) {
    return {text.empty() ? Kind::kMissing : Kind::kText, text, 0};
  }
  static AccessValue Number(int64_t number) { return {Kind::kNumber, {}, number}; }
};

// Thread-safety: immutable.
class AccessOperator {
 public:
  // `text` is what stands between the percent signs: "REQ(X-A?X-B):10". Fails on a name or argument
  // that is not known.
  static absl::StatusOr<AccessOperator> Parse(std::string_view text);

  // `scratch` is cleared; it holds the text of values that are made and not found.
  AccessValue Evaluate(const AccessRecord& record, std::string& scratch) const;

 private:
  using Get = AccessValue (*)(const AccessOperator& self, const AccessRecord& record,
                              std::string& scratch);
  friend struct AccessOperatorTable;

  Get get_ = nullptr;
  size_t max_length_ = std::string_view::npos;
  // A header operator: looked up by id where the name has one.
  std::array<std::string, 2> names_;  // the header and its alternative, in lower case
  std::array<HeaderName, 2> ids_{};
  std::string text_;   // a value known at parse time: host name, environment
  uint64_t seed_ = 0;  // of %UNIQUE_ID%
  std::shared_ptr<const TimeFormat> time_;
};

}  // namespace outrigger::proxy
