// header_mutation.h: what is taken from a message's headers and added to them, at one level of a
// route table: *_headers_to_remove and *_headers_to_add of config.route.v3. proxy/router applies
// it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proxy/access_log/config.h"
#include "proxy/snapshot/matcher.h"

namespace outrigger::proxy {

// config.core.v3.HeaderValueOption
struct HeaderToAdd {
  enum class Action : uint8_t { kAppend, kAddIfAbsent, kOverwriteOrAdd, kOverwrite };
  HeaderKey key;
  Action action = Action::kAppend;
  bool keep_empty = false;                        // keep_empty_value: an empty value is added too
  std::string value;                              // if it has no operators
  std::shared_ptr<const AccessLogFormat> format;  // if it has
};

struct HeaderMutations {
  std::vector<HeaderKey> remove;  // before anything is added
  std::vector<HeaderToAdd> add;
};

// In the order of their application. A message without any has an empty list.
using MutationList = std::vector<std::shared_ptr<const HeaderMutations>>;

}  // namespace outrigger::proxy
