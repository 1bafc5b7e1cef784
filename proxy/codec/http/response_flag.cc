#include "proxy/codec/http/response_flag.h"

#include <algorithm>
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

std::string_view LongName(ResponseFlag flag) { return kNames[static_cast<size_t>(flag)].long_name; }

void ResponseFlags::Append(std::string& out, std::string_view (*name)(ResponseFlag)) const {
  if (empty()) {
    out.push_back('-');
    return;
  }
  const int count = std::min(std::popcount(bits_), kOrdered);
  for (int i = 0; i < count; ++i) {
    if (i > 0) out.push_back(',');
    out.append(name(static_cast<ResponseFlag>(order_ >> (5 * i) & 31)));
  }
}

void ResponseFlags::Set(ResponseFlag flag) {
  if (Has(flag)) return;
  const int place = std::popcount(bits_);
  if (place < kOrdered) order_ |= static_cast<uint64_t>(flag) << (5 * place);
  bits_ |= Bit(flag);
}

void ResponseFlags::Set(ResponseFlags flags) {
  if (bits_ == 0) {
    *this = flags;
    return;
  }
  const int count = std::min(std::popcount(flags.bits_), kOrdered);
  for (int i = 0; i < count; ++i) Set(static_cast<ResponseFlag>(flags.order_ >> (5 * i) & 31));
}

std::string ResponseFlags::ToShort() const {
  std::string out;
  AppendShort(out);
  return out;
}

}  // namespace outrigger::proxy
