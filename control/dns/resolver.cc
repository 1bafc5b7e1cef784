#include "control/dns/resolver.h"

#include <ares.h>
#include <netdb.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "scheduler/base/check.h"
#include "scheduler/base/status_macros.h"

namespace outrigger::control {
namespace {

using scheduler::kMillisecond;
using scheduler::kNever;
using scheduler::kSecond;
using scheduler::Nanos;
using scheduler::Task;
using scheduler::Wake;

// What one question (A or AAAA) came to.
struct Reply {
  bool asked = false;
  bool done = false;
  int status = ARES_SUCCESS;
  DnsAnswer answer;

  bool has_ips() const { return done && !answer.ips.empty(); }
  // The servers say so: there is no such name, or no such record.
  bool knows_none() const {
    return done && answer.ips.empty() &&
           (status == ARES_SUCCESS || status == ARES_ENOTFOUND || status == ARES_ENODATA);
  }
};

void AddNodes(const ares_addrinfo& result, DnsAnswer& answer) {
  for (const ares_addrinfo_node* node = result.nodes; node; node = node->ai_next) {
    if (node->ai_addrlen > sizeof(sockaddr_storage)) continue;
    sockaddr_storage storage{};
    std::copy_n(reinterpret_cast<const char*>(node->ai_addr), node->ai_addrlen,
                reinterpret_cast<char*>(&storage));
    const proxy::Address address = proxy::Address::From(storage, node->ai_addrlen);
    if (!address.is_ip()) continue;
    const Nanos ttl = std::max(node->ai_ttl, 0) * kSecond;
    answer.ttl = answer.ips.empty() ? ttl : std::min(answer.ttl, ttl);
    answer.ips.push_back(address.ip());
  }
}

absl::Status StartLibrary() {
  static const int status = ares_library_init(ARES_LIB_INIT_ALL);
  if (status == ARES_SUCCESS) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("c-ares does not start: ", ares_strerror(status)));
}

// One channel with one or two questions. c-ares opens and closes sockets as it likes, so they sit
// in an epoll set of this look-up's own, and that set is the one descriptor to wait on.
//
// Runs on: the owning coroutine. Owner: its frame; never moved. Thread-safety: confined.
class Lookup {
 public:
  Lookup() = default;
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;
  ~Lookup() {
    // Ends what is open: its callbacks write into this object, its sockets leave the set.
    if (channel_) ares_destroy(channel_);
    if (sockets_ >= 0) close(sockets_);
  }

  absl::Status Init(const ResolverOptions& options);
  void Ask(const std::string& name, DnsFamily family);
  int sockets() const { return sockets_; }

  // True: no more is needed of the servers.
  bool Done() const;
  // When c-ares wants to try again; kNever if it waits for nothing.
  Nanos NextTry(Nanos now) const;
  void TryAgain() { ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD); }
  // One round over the ready sockets. False: none was ready.
  bool ProcessReady();
  absl::StatusOr<DnsAnswer> Result(const std::string& name) const;

 private:
  static void OnSocketState(void* self, ares_socket_t fd, int readable, int writable);
  static void OnReply(void* reply, int status, int timeouts, ares_addrinfo* result);
  void AskOne(const std::string& name, int family, Reply& reply);
  const Reply& preferred() const { return family_ == DnsFamily::kV4Preferred ? v4_ : v6_; }
  const Reply& other() const { return family_ == DnsFamily::kV4Preferred ? v6_ : v4_; }

  int sockets_ = -1;
  ares_channel channel_ = nullptr;
  DnsFamily family_ = DnsFamily::kAuto;
  Reply v4_, v6_;
};

absl::Status Lookup::Init(const ResolverOptions& options) {
  OUTRIGGER_RETURN_IF_ERROR(StartLibrary());
  sockets_ = epoll_create1(EPOLL_CLOEXEC);
  if (sockets_ < 0) return absl::ErrnoToStatus(errno, "no descriptor for a DNS look-up");
  ares_options wanted{};
  wanted.timeout = static_cast<int>(options.try_timeout / kMillisecond);
  wanted.tries = options.tries;
  wanted.sock_state_cb = &OnSocketState;
  wanted.sock_state_cb_data = this;
  int status = ares_init_options(&channel_, &wanted,
                                 ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
  if (status == ARES_SUCCESS && !options.servers.empty()) {
    const std::string servers = absl::StrJoin(
        options.servers, ",",
        [](std::string* out, const proxy::Address& server) { out->append(server.text); });
    status = ares_set_servers_ports_csv(channel_, servers.c_str());
  }
  if (status == ARES_SUCCESS) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("no DNS look-up is possible: ", ares_strerror(status)));
}

void Lookup::Ask(const std::string& name, DnsFamily family) {
  family_ = family;
  // Two questions rather than one for both families: a server that never answers AAAA must not
  // withhold the A records that are already here.
  if (family != DnsFamily::kV4Only) AskOne(name, AF_INET6, v6_);
  if (family != DnsFamily::kV6Only) AskOne(name, AF_INET, v4_);
}

void Lookup::AskOne(const std::string& name, int family, Reply& reply) {
  reply.asked = true;
  ares_addrinfo_hints hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  // The server's order is meant; sorting would also open a socket for each address.
  hints.ai_flags = ARES_AI_NOSORT;
  ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, &OnReply, &reply);
}

void Lookup::OnSocketState(void* self, ares_socket_t fd, int readable, int writable) {
  const int set = static_cast<Lookup*>(self)->sockets_;
  epoll_event event{};
  event.events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u);
  event.data.fd = fd;
  if (event.events == 0) {
    epoll_ctl(set, EPOLL_CTL_DEL, fd, nullptr);
  } else if (epoll_ctl(set, EPOLL_CTL_MOD, fd, &event) != 0) {
    // If this fails too, the socket stays silent and the try times out.
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
  }
}

void Lookup::OnReply(void* reply, int status, int, ares_addrinfo* result) {
  Reply& into = *static_cast<Reply*>(reply);
  into.done = true;
  into.status = status;
  if (!result) return;
  AddNodes(*result, into.answer);
  ares_freeaddrinfo(result);
}

bool Lookup::Done() const {
  if ((!v4_.asked || v4_.done) && (!v6_.asked || v6_.done)) return true;
  return family_ != DnsFamily::kAll && preferred().has_ips();
}

Nanos Lookup::NextTry(Nanos now) const {
  timeval left{};
  if (!ares_timeout(channel_, nullptr, &left)) return kNever;
  return now + left.tv_sec * kSecond + left.tv_usec * 1000;
}

bool Lookup::ProcessReady() {
  epoll_event ready[16];
  const int count = epoll_wait(sockets_, ready, std::size(ready), 0);
  for (int i = 0; i < count; ++i) {
    const bool in = ready[i].events & ~static_cast<uint32_t>(EPOLLOUT);
    const bool out = ready[i].events & EPOLLOUT;
    // A socket that an earlier round closed is none of c-ares' any more; it looks before it reads.
    ares_process_fd(channel_, in ? ready[i].data.fd : ARES_SOCKET_BAD,
                    out ? ready[i].data.fd : ARES_SOCKET_BAD);
  }
  return count > 0;
}

absl::StatusOr<DnsAnswer> Lookup::Result(const std::string& name) const {
  if (family_ == DnsFamily::kAll && v4_.has_ips() && v6_.has_ips()) {
    DnsAnswer all = v6_.answer;
    all.ips.insert(all.ips.end(), v4_.answer.ips.begin(), v4_.answer.ips.end());
    all.ttl = std::min(v6_.answer.ttl, v4_.answer.ttl);
    return all;
  }
  for (const Reply* reply : {&preferred(), &other()}) {
    if (reply->has_ips()) return reply->answer;
  }
  // Empty only if every question was answered: one that was lost may have had the addresses.
  for (const Reply* reply : {&v4_, &v6_}) {
    if (!reply->asked || reply->knows_none()) continue;
    if (!reply->done || reply->status == ARES_ETIMEOUT) {
      return absl::DeadlineExceededError(absl::StrCat("no DNS server answered for \"", name, "\""));
    }
    if (reply->status == ARES_EBADNAME) {
      return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" is not a name for DNS"));
    }
    return absl::UnavailableError(
        absl::StrCat("DNS look-up of \"", name, "\" failed: ", ares_strerror(reply->status)));
  }
  return DnsAnswer{};
}

Task<absl::StatusOr<DnsAnswer>> Ask(const ResolverOptions& options, std::string name,
                                    DnsFamily family, Nanos timeout) {
  const Nanos deadline = scheduler::Now() + timeout;
  Lookup lookup;
  if (absl::Status status = lookup.Init(options); !status.ok()) co_return status;
  scheduler::PollFd sockets(scheduler::CurrentPool().netpoll(), lookup.sockets());
  lookup.Ask(name, family);
  while (!lookup.Done() && scheduler::Now() < deadline) {
    // Readiness is told once (edge-triggered): wait only when no socket has anything left.
    if (lookup.ProcessReady()) {
      co_await scheduler::Yield();
      continue;
    }
    const Nanos next_try = lookup.NextTry(scheduler::Now());
    const Wake wake = co_await sockets.Readable(std::min(deadline, next_try));
    if (wake == Wake::kCancelled) {
      co_return absl::CancelledError(absl::StrCat("look-up of \"", name, "\" was cancelled"));
    }
    if (wake == Wake::kTimeout) lookup.TryAgain();
  }
  co_return lookup.Result(name);
}

}  // namespace

Resolver::Resolver(ResolverOptions options)
    : options_(std::move(options)),
      slots_(static_cast<int64_t>(std::max<size_t>(options_.max_concurrent, 1))) {}

Task<absl::StatusOr<DnsAnswer>> Resolver::Resolve(std::string name, DnsFamily family,
                                                  Nanos timeout) {
  if (name.empty() || name.size() > 253 || name.find('\0') != std::string::npos) {
    co_return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" is not a name for DNS"));
  }
  if (const auto literal = proxy::Address::Ip(name, 0); literal.ok()) {
    co_return DnsAnswer{.ips = {literal->ip()}};
  }
  const scheduler::Wake slot = co_await slots_.Acquire();
  if (slot != scheduler::Wake::kReady) {
    co_return absl::CancelledError("the resolver is shutting down");
  }
  absl::StatusOr<DnsAnswer> answer = co_await Ask(options_, std::move(name), family, timeout);
  slots_.Release();
  co_return answer;
}

}  // namespace outrigger::control
