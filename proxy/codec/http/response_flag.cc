#include "proxy/codec/http/response_flag.h"

#include <bit>
#include <cstddef>

namespace outrigger::proxy {
namespace {

struct Names {
  std::string_view short_name;
  std::string_view long_name;
};

constexpr Names kNames[] = {
#define X(name, text) {text, #name},
    OUTRIGGER_RESPONSE_FLAGS(X)
#undef X
};
static_assert(std::size(kNames) <= 32, "one bit each");

}  // namespace

std::string_view ShortName(ResponseFlag flag) {
  return kNames[static_cast<size_t>(flag)].short_name;
}

std::string_view LongName(ResponseFlag flag) {
  return kNames[static_cast<size_t>(flag)].long_name;
}

void ResponseFlags::Append(std::string& out, std::string_view (*name)(ResponseFlag)) const {
  if (empty()) {
    out.push_back('-');
    return;
  }
  for (uint32_t rest = bits_; rest != 0; rest &= rest - 1) {
    if (rest != bits_) out.push_back(',');
    out.append(name(static_cast<ResponseFlag>(std::countr_zero(rest))));
  }
}

std::string ResponseFlags::ToShort() const {
  std::string out;
  AppendShort(out);
  return out;
}

}  // namespace outrigger::proxy
