// redact.h: takes out of a configuration what nobody may read: private keys and passwords, as Envoy
// does in its /config_dump.
#pragma once

#include "envoy/config/bootstrap/v3/bootstrap.pb.h"

namespace outrigger::control {

// In place.
void Redact(envoy::config::bootstrap::v3::Bootstrap::StaticResources& resources);

}  // namespace outrigger::control
