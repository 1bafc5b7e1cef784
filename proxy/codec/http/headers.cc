#include "proxy/codec/http/headers.h"

#include <algorithm>

namespace outrigger::proxy {

const Header* Headers::Find(std::string_view name) const {
  for (const Header& header : *this) {
    if (header.name == name) return &header;
  }
  return nullptr;
}

void Headers::Add(std::string_view name, std::string_view value) {
  const HeaderName id = LookupHeader(name);
  AddRaw({id == HeaderName::kOther ? arena_.Copy(name) : HeaderText(id), arena_.Copy(value), id});
}

void Headers::Set(HeaderName id, std::string_view value) {
  value = arena_.Copy(value);
  for (size_t i = 0; MayHold(Bit(id)) && i < size_; ++i) {
    if (headers_[i].id != id) continue;
    headers_[i].value = value;
    // Any further ones go; the first stays in its place.
    Header* rest = headers_ + i + 1;
    size_ = static_cast<uint32_t>(
        std::remove_if(rest, headers_ + size_, [id](const Header& h) { return h.id == id; }) -
        headers_);
    return;
  }
  AddRaw({HeaderText(id), value, id});
  // Pseudo header fields come before all others (RFC 9113 8.3).
  if (HeaderText(id)[0] == ':') std::rotate(headers_, headers_ + size_ - 1, headers_ + size_);
}

void Headers::Set(std::string_view name, std::string_view value) {
  const HeaderName id = LookupHeader(name);
  if (id != HeaderName::kOther) return Set(id, value);
  Remove(name);
  Add(name, value);
}

size_t Headers::Remove(HeaderName id) {
  if (!MayHold(Bit(id))) return 0;
  return RemoveIf([id](const Header& header) { return header.id == id; });
}

size_t Headers::Remove(std::string_view name) {
  return RemoveIf([name](const Header& header) { return header.name == name; });
}

void Headers::CopyFrom(const Headers& other) {
  Reserve(size_ + other.size_);
  for (const Header& header : other) {
    AddRaw({header.id == HeaderName::kOther ? arena_.Copy(header.name) : HeaderText(header.id),
            arena_.Copy(header.value), header.id, header.never_index});
  }
}

size_t Headers::bytes() const {
  size_t total = 0;
  for (const Header& header : *this) total += header.name.size() + header.value.size();
  return total;
}

void Headers::Reserve(size_t capacity) {
  if (capacity <= capacity_) return;
  Header* moved = static_cast<Header*>(arena_.Alloc(capacity * sizeof(Header), alignof(Header)));
  std::copy(headers_, headers_ + size_, moved);
  headers_ = moved;
  capacity_ = static_cast<uint32_t>(capacity);
}

}  // namespace outrigger::proxy
