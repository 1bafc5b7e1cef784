// core.h: config.core.v3, the messages that several resources share, as the snapshot's values.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "envoy/config/core/v3/address.pb.h"
#include "envoy/config/core/v3/base.pb.h"
#include "envoy/config/core/v3/protocol.pb.h"
#include "proxy/access_log/sink.h"
#include "proxy/config/fields.h"
#include "proxy/filters/filter_kind.h"
#include "proxy/snapshot/snapshot.h"

namespace outrigger::control {

using proxy::FieldPath;

// Gives each name of a filter a number, the same for as long as the process lives: resources that
// did not change are used on.
class FilterNames {
 public:
  proxy::FilterName Intern(const std::string& name) {
    return numbers_.try_emplace(name, static_cast<proxy::FilterName>(numbers_.size()))
        .first->second;
  }

 private:
  std::map<std::string, proxy::FilterName> numbers_;
};

// What parsers need beside the proto. References outlive the parsing.
struct ResourceInputs {
  proxy::StatRegistry& stats;
  proxy::AccessLogFiles& files;
  std::vector<std::string>& warnings;  // sentences for the log, each with its path
  std::span<const proxy::FilterKind* const> filters;
  FilterNames& filter_names;

  proxy::FilterInputs ForFilters(std::string_view stat_prefix) const {
    return {stats, warnings, stat_prefix};
  }
};

// A TCP socket address with an IP, or a pipe.
absl::StatusOr<proxy::Address> ParseAddress(const envoy::config::core::v3::Address& proto,
                                            const FieldPath& path);

struct NamedPort {
  std::string name;  // a host name or an IP address
  uint32_t port = 0;
};
absl::StatusOr<NamedPort> ParseSocketAddress(const envoy::config::core::v3::SocketAddress& proto,
                                             const FieldPath& path);

// The bytes that are meant, of at most `most` bytes. Files are read here.
absl::StatusOr<std::string> ReadDataSource(const envoy::config::core::v3::DataSource& proto,
                                           const FieldPath& path, size_t most);

absl::Status ParseHttp2Options(const envoy::config::core::v3::Http2ProtocolOptions& proto,
                               const FieldPath& path, proxy::Http2Options& to);

}  // namespace outrigger::control
