// headers.h: the header or trailer list of one message, in wire order. Bytes and table live in the
// stream's arena; a Header's views are good until the stream ends.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/codec/buffer/arena.h"
#include "proxy/codec/http/header_name.h"

namespace outrigger::proxy {

struct Header {
  std::string_view name;  // lower case
  std::string_view value;
  HeaderName id = HeaderName::kOther;
  bool never_index = false;  // HPACK "never indexed" (RFC 7541 7.1.3): kept when passed on
};

// Owner: Stream, whose arena it uses. Thread-safety: confined.
class Headers {
 public:
  explicit Headers(Arena& arena) : arena_(arena) {}
  Headers(const Headers&) = delete;
  Headers& operator=(const Headers&) = delete;

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  const Header* begin() const { return headers_; }
  const Header* end() const { return headers_ + size_; }
  Header& operator[](size_t i) { return headers_[i]; }

  // The first with this name; null if there is none.
  const Header* Find(HeaderName id) const {
    if (!MayHold(Bit(id))) return nullptr;
    for (const Header& header : *this) {
      if (header.id == id) return &header;
    }
    return nullptr;
  }
  const Header* Find(std::string_view name) const;
  // Its value; empty if there is none.
  std::string_view Get(HeaderName id) const {
    const Header* header = Find(id);
    return header ? header->value : std::string_view();
  }

  // False: none of a set of names, each its Bit(), is here. One look for a whole set of look-ups.
  static constexpr uint64_t Bit(HeaderName id) { return uint64_t{1} << static_cast<uint8_t>(id); }
  bool MayHold(uint64_t names) const { return (seen_ & names) != 0; }

  // Add: appends. The plain forms copy the value (and the name) into the arena; AddStatic takes
  // views that outlive the stream.
  void Add(HeaderName id, std::string_view value) {
    AddRaw({HeaderText(id), arena_.Copy(value), id});
  }
  void Add(std::string_view name, std::string_view value);
  void AddStatic(HeaderName id, std::string_view value) { AddRaw({HeaderText(id), value, id}); }
  void AddRaw(const Header& header) {
    if (size_ == capacity_) Reserve(capacity_ ? 2 * capacity_ : 24);
    headers_[size_++] = header;
    seen_ |= Bit(header.id);
  }
  // Replaces the first and removes the others, or appends (pseudo headers go first).
  void Set(HeaderName id, std::string_view value);
  void Set(std::string_view name, std::string_view value);
  // Removes all with this name; returns how many.
  size_t Remove(HeaderName id);
  size_t Remove(std::string_view name);
  template <typename Match>
  size_t RemoveIf(Match match) {
    const uint32_t before = size_;
    size_ = static_cast<uint32_t>(std::remove_if(headers_, headers_ + size_, match) - headers_);
    return before - size_;
  }

  void Clear() {
    size_ = 0;
    seen_ = 0;
  }
  // Copies all of `other`'s entries: their bytes too, into this list's arena.
  void CopyFrom(const Headers& other);
  // Sum of name and value lengths.
  size_t bytes() const;
  Arena& arena() { return arena_; }

 private:
  void Reserve(size_t capacity);

  Arena& arena_;
  Header* headers_ = nullptr;
  uint32_t size_ = 0;
  uint32_t capacity_ = 0;
  uint64_t seen_ = 0;  // names that were added since the last Clear()
};

}  // namespace outrigger::proxy
