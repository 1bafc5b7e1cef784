#include "proxy/router/hash_policy.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>

#include "absl/strings/str_cat.h"
#include "proxy/codec/http/path.h"
#include "proxy/router/matcher.h"
#include "scheduler/base/text.h"

namespace outrigger::proxy {
namespace {

uint64_t Hash(std::string_view text, uint64_t seed = 0) {
  return XXH64(text.data(), text.size(), seed);
}

// The same for the same values in any order: they are chained when sorted.
std::optional<uint64_t> HashOfHeader(const HashPolicy& policy, const Headers& request) {
  const Header* first = Find(request, policy.header);
  if (!first) return std::nullopt;
  const auto is_next = [&policy](const Header& header) { return Is(header, policy.header); };
  if (!policy.header_rewrite && std::none_of(first + 1, request.end(), is_next)) {
    return Hash(first->value);
  }
  std::vector<std::string> values;
  for (const Header& header : request) {
    if (!is_next(header)) continue;
    values.push_back(policy.header_rewrite ? Rewritten(*policy.header_rewrite, header.value)
                                           : std::string(header.value));
  }
  std::sort(values.begin(), values.end());
  uint64_t hash = 0;
  for (const std::string& value : values) hash = Hash(value, hash);
  return hash;
}

// Made of the connection: streams that race on it all get the same.
std::string Mint(const HashPeer& peer) {
  const uint64_t hash = Hash(peer.remote.text + peer.local.text);
  return scheduler::Concat(absl::Hex(hash, absl::kZeroPad16));
}

std::optional<uint64_t> HashOfCookie(const HashPolicy& policy, const Headers& request,
                                     const HashPeer& peer, std::vector<std::string>& set_cookies) {
  const std::string_view value = CookieValue(request, policy.name);
  if (!value.empty()) return Hash(value);
  if (!policy.mint_cookie) return std::nullopt;
  const std::string minted = Mint(peer);
  set_cookies.push_back(
      scheduler::Concat(policy.name, "=\"", minted, "\"", policy.cookie_attributes));
  return Hash(minted);
}

std::optional<uint64_t> HashOfPolicy(const HashPolicy& policy, const Headers& request,
                                     const HashPeer& peer, std::vector<std::string>& set_cookies) {
  switch (policy.kind) {
    case HashPolicy::Kind::kHeader:
      return HashOfHeader(policy, request);
    case HashPolicy::Kind::kCookie:
      return HashOfCookie(policy, request, peer, set_cookies);
    case HashPolicy::Kind::kSourceIp:
      if (peer.client.empty()) return std::nullopt;
      return Hash(peer.client);
    case HashPolicy::Kind::kQueryParameter: {
      const auto value = QueryParameter(request.Get(HeaderName::kPath), policy.name);
      if (!value) return std::nullopt;
      return Hash(*value);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<uint64_t> HashOf(const std::vector<HashPolicy>& policies, const Headers& request,
                               const HashPeer& peer, std::vector<std::string>& set_cookies) {
  std::optional<uint64_t> hash;
  for (const HashPolicy& policy : policies) {
    if (const auto next = HashOfPolicy(policy, request, peer, set_cookies)) {
      // Turned, so that two policies that find the same do not cancel each other out.
      hash = std::rotl(hash.value_or(0), 1) ^ *next;
    }
    if (policy.terminal && hash) break;
  }
  return hash;
}

std::string_view CookieValue(const Headers& request, std::string_view name) {
  for (const Header& header : request) {
    if (header.id != HeaderName::kCookie) continue;
    std::string_view rest = header.value;
    while (!rest.empty()) {
      std::string_view pair = rest.substr(0, rest.find(';'));
      rest.remove_prefix(pair.size() < rest.size() ? pair.size() + 1 : rest.size());
      pair.remove_prefix(std::min(pair.find_first_not_of(' '), pair.size()));
      const size_t equal = pair.find('=');
      if (equal == std::string_view::npos || pair.substr(0, equal) != name) continue;
      std::string_view value = pair.substr(equal + 1);
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
        value = value.substr(1, value.size() - 2);
      }
      return value;
    }
  }
  return {};
}

}  // namespace outrigger::proxy
