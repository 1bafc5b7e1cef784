// acceptor.h: one worker's accept loop on one listening socket.
// Flow: the kernel spreads connections over the workers' sockets (SO_REUSEPORT) -> [listener] ->
// connection. Never closes the socket while the listener lives: closing one of a SO_REUSEPORT group
// resets what waits in its queue.
#pragma once

#include <memory>

#include "proxy/connection/connection_manager.h"

namespace outrigger::proxy {

// Accepts until cancelled; each connection is its own coroutine. `fd` is shared with the process,
// which closes it last.
//
// Runs on: worker, as its own coroutine.
scheduler::Task<> AcceptConnections(Shard& shard, std::shared_ptr<ActiveListener> active,
                                    ConnectionManager::List& list, DateCache& dates, int fd);

}  // namespace outrigger::proxy
