// header_mutation.h: *_headers_to_add and *_headers_to_remove of config.route.v3 become the
// snapshot's, their values' operators compiled.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "envoy/config/core/v3/base.pb.h"
#include "proxy/config/fields.h"
#include "proxy/config/matcher.h"
#include "proxy/snapshot/header_mutation.h"

namespace outrigger::proxy {

using Mutations = std::shared_ptr<const HeaderMutations>;

// Of one level of a route table, `path`: a table, a virtual host, a route or a weighted cluster.
// Null: nothing is changed.
struct LevelMutations {
  Mutations request;
  Mutations response;
};

// Of a list of headers that are added and nothing else: `field` of the message at `path`.
absl::StatusOr<Mutations> ParseHeadersToAdd(
    const google::protobuf::RepeatedPtrField<envoy::config::core::v3::HeaderValueOption>& add,
    const FieldPath& path, std::string_view field, MessageKind kind);

absl::StatusOr<Mutations> ParseMutations(
    const google::protobuf::RepeatedPtrField<envoy::config::core::v3::HeaderValueOption>& add,
    const google::protobuf::RepeatedPtrField<std::string>& remove, const FieldPath& path,
    MessageKind kind);

template <typename Level>
absl::StatusOr<LevelMutations> ParseLevelMutations(const Level& proto, const FieldPath& path) {
  LevelMutations to;
  OUTRIGGER_ASSIGN_OR_RETURN(
      to.request, ParseMutations(proto.request_headers_to_add(), proto.request_headers_to_remove(),
                                 path, MessageKind::kRequest));
  OUTRIGGER_ASSIGN_OR_RETURN(to.response, ParseMutations(proto.response_headers_to_add(),
                                                         proto.response_headers_to_remove(), path,
                                                         MessageKind::kResponse));
  return to;
}

}  // namespace outrigger::proxy
