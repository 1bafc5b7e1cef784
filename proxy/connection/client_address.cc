#include "proxy/connection/client_address.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "scheduler/base/text.h"

namespace outrigger::proxy {
namespace {

struct Hop {
  std::string_view ip;  // empty: there is none, or it is no address
  bool single = false;  // the only one in the list
};

// The last address but `skip` of a list.
Hop LastHop(std::string_view list, uint32_t skip) {
  for (uint32_t i = 0; i < skip; ++i) {
    const size_t comma = list.rfind(',');
    if (comma == list.npos) return {};
    list = list.substr(0, comma);
  }
  const size_t comma = list.rfind(',');
  const bool single = comma == list.npos && skip == 0;
  if (comma != list.npos) list.remove_prefix(comma + 1);
  list = scheduler::ToStd(absl::StripAsciiWhitespace(scheduler::ToAbsl(list)));
  return ParseIp(list) ? Hop{list, single} : Hop{};
}

bool IsInternal(const HttpListenerOptions& options, std::string_view ip) {
  if (options.internal_ranges.empty()) return false;
  const std::optional<IpBytes> bytes = ParseIp(ip);
  return bytes && std::any_of(options.internal_ranges.begin(), options.internal_ranges.end(),
                              [&](const CidrRange& range) { return range.Contains(*bytes); });
}

}  // namespace

ClientAddress FindClientAddress(const Headers& request, const HttpListenerOptions& options,
                                const Address& peer) {
  const Header* forwarded = request.Find(HeaderName::kXForwardedFor);
  const uint32_t hops = options.xff_num_trusted_hops;
  if (!options.use_remote_address) {
    if (!forwarded) return {};
    const Hop hop = LastHop(forwarded->value, hops);
    return {hop.ip, hop.single && IsInternal(options, hop.ip)};
  }
  ClientAddress client;
  if (forwarded && hops > 0) client.ip = LastHop(forwarded->value, hops - 1).ip;
  if (forwarded) return client;  // with this hop's own there are two
  client.internal = peer.is_ip()
                        ? !options.internal_ranges.empty() && IsInternal(options, peer.ip())
                        : options.internal_unix_sockets;
  return client;
}

}  // namespace outrigger::proxy
