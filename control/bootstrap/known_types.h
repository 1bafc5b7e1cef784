// known_types.h: the messages that an Any of a static file may hold.
// In the flow: called by LoadBootstrap, so that proto_from_yaml.h finds them in the generated pool.
// A new extension adds its messages to the list in known_types.cc.
#pragma once

namespace outrigger::control {

// A message that no code mentions is left out by the linker. This mentions all of the list, so that
// "@type" does not depend on which other parts are linked in. Cheap to call again.
void LinkKnownTypes();

}  // namespace outrigger::control
