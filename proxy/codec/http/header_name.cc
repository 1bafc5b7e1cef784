#include "proxy/codec/http/header_name.h"

#include <array>
#include <cstring>

namespace outrigger::proxy {
namespace {

constexpr std::string_view kTexts[] = {"",
#define X(name, text) text,
                                       OUTRIGGER_HEADER_NAMES(X)
#undef X
};
constexpr size_t kCount = sizeof(kTexts) / sizeof(kTexts[0]);

// A table by hash of length, second and last character. Built at compile time; a collision chains
// to the next slot, and the text is compared, so any choice is right and a good one is quick.
constexpr size_t kSlots = 256;

constexpr size_t Hash(std::string_view text) {
  const size_t second = static_cast<unsigned char>(text.size() > 1 ? text[1] : text[0]);
  const size_t middle = static_cast<unsigned char>(text[text.size() / 2]);
  const size_t last = static_cast<unsigned char>(text.back());
  return (text.size() * 7 + second * 3 + middle * 31 + last * 13) % kSlots;
}

constexpr std::array<uint8_t, kSlots> MakeTable() {
  std::array<uint8_t, kSlots> table{};
  for (size_t i = 1; i < kCount; ++i) {
    size_t slot = Hash(kTexts[i]);
    while (table[slot] != 0) slot = (slot + 1) % kSlots;
    table[slot] = static_cast<uint8_t>(i);
  }
  return table;
}

constexpr std::array<uint8_t, kSlots> kTable = MakeTable();

}  // namespace

std::string_view HeaderText(HeaderName name) { return kTexts[static_cast<size_t>(name)]; }

HeaderName LookupHeader(std::string_view text) {
  if (text.empty()) return HeaderName::kOther;
  for (size_t slot = Hash(text); kTable[slot] != 0; slot = (slot + 1) % kSlots) {
    const std::string_view known = kTexts[kTable[slot]];
    if (known.size() == text.size() && std::memcmp(known.data(), text.data(), text.size()) == 0) {
      return static_cast<HeaderName>(kTable[slot]);
    }
  }
  return HeaderName::kOther;
}

}  // namespace outrigger::proxy
