#include "proxy/listener/acceptor.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "scheduler/base/log.h"

namespace outrigger::proxy {
namespace {

// Connections taken before others on this worker get their turn.
constexpr int kAcceptsPerTurn = 32;
// Out of descriptors or memory: look again after a while instead of spinning.
constexpr scheduler::Nanos kAcceptPause = 100 * scheduler::kMillisecond;

// accept(2): a connection that is gone already; the next one may be well.
bool IsOfOneConnection(int error) {
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
      return true;
    default:
      return false;
  }
}

}  // namespace

scheduler::Task<> AcceptConnections(Shard& shard, std::shared_ptr<ActiveListener> active,
                                    ConnectionManager::List& list, DateCache& dates, int fd) {
  scheduler::PollFd poll(shard.p.netpoll(), fd);
  int accepted = 0;
  while (true) {
    Fd connection(accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (connection) {
      const Listener& listener = *active->listener;
      if (listener.max_connections != 0 && list.size() >= listener.max_connections) {
        shard.stats.Inc(listener.stats.downstream_cx_overflow);
      } else {
        scheduler::Go("downstream connection",
                      ConnectionManager::Serve(shard, active, list, dates, std::move(connection)));
      }
      if (++accepted % kAcceptsPerTurn == 0) {
        co_await scheduler::Yield();
        if (scheduler::CurrentG()->cancelled()) co_return;
      }
      continue;
    }
    if (IsOfOneConnection(errno)) continue;
    if (errno == EINVAL || errno == EBADF) co_return;  // no longer listening: StopListening()
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
      OUTRIGGER_LOG(kWarning, "listener", "%s: cannot accept: %s", active->listener->name,
                    std::strerror(errno));
      if (co_await scheduler::Sleep(kAcceptPause) == scheduler::Wake::kCancelled) co_return;
      continue;
    }
    if (co_await poll.Readable() != scheduler::Wake::kReady) co_return;
  }
}

}  // namespace outrigger::proxy
