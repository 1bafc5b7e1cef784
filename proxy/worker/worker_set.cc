#include "proxy/worker/worker_set.h"

#include <utility>

#include "scheduler/base/check.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/base/text.h"

namespace outrigger::proxy {
namespace {

absl::Status InListener(const Listener& listener, const absl::Status& status) {
  return absl::Status(status.code(), scheduler::Concat("listener '", listener.name,
                                                       "': ", scheduler::ToStd(status.message())));
}

}  // namespace

WorkerSet::WorkerSet(StatRegistry& stats, std::vector<scheduler::CpuSet> affinity)
    : stats_(stats), count_(affinity.size()), inboxes_(count_) {
  pool_ = std::make_unique<scheduler::Pool>(scheduler::PoolOptions{
      .name = "data", .policy = scheduler::Policy::kPinned, .affinity = std::move(affinity)});
  for (size_t i = 0; i < count_; ++i) {
    const int id = static_cast<int>(i);
    slabs_.push_back(stats_.NewSlab());
    workers_.push_back(std::make_unique<Worker>(id, pool_->processor(id), *slabs_.back()));
  }
}

WorkerSet::~WorkerSet() {
  Stop();
  workers_.clear();
  for (StatSlab* slab : slabs_) stats_.Retire(slab);
}

absl::Status WorkerSet::Bind(const Snapshot& snapshot) {
  for (const auto& listener : snapshot.listeners) {
    OUTRIGGER_RETURN_IF_ERROR(BindAddress(*listener, listener->address));
    for (const Address& address : listener->additional_addresses) {
      OUTRIGGER_RETURN_IF_ERROR(BindAddress(*listener, address));
    }
  }
  return absl::OkStatus();
}

absl::Status WorkerSet::BindAddress(const Listener& listener, const Address& address) {
  Bound bound{listener.name, address, {}};
  // A Unix socket, or reuse_port off: one queue from which every worker accepts.
  const bool shared = !address.is_ip() || !listener.reuse_port;
  // SO_REUSEPORT would also share the port with another process of the same user, which then takes
  // half of the connections. A look without it says who is there.
  if (!shared && address.port() != 0) {
    absl::StatusOr<Fd> probe = proxy::Listen(address, 1, /*reuse_port=*/false);
    if (!probe.ok()) return InListener(listener, probe.status());
  }
  for (size_t i = 0; i < (shared ? 1 : count_); ++i) {
    absl::StatusOr<Fd> fd =
        proxy::Listen(bound.address, static_cast<int>(listener.tcp_backlog_size), !shared);
    if (!fd.ok()) return InListener(listener, fd.status());
    // Port 0: the first socket's port is everybody's.
    if (i == 0) {
      sockaddr_storage storage{};
      socklen_t length = sizeof(storage);
      getsockname(fd->get(), reinterpret_cast<sockaddr*>(&storage), &length);
      bound.address = Address::From(storage, length);
    }
    bound.fds.push_back(*std::move(fd));
  }
  bound_.push_back(std::move(bound));
  return absl::OkStatus();
}

void WorkerSet::Start(std::shared_ptr<const Snapshot> snapshot, StreamHandler handler) {
  for (size_t i = 0; i < count_; ++i) {
    Worker& worker = *workers_[i];
    const bool posted = pool_->Post(static_cast<int>(i), [this, i, &worker, snapshot, handler] {
      worker.Apply(snapshot);
      for (const auto& listener : snapshot->listeners) {
        for (const Bound& bound : bound_) {
          if (bound.listener != listener->name) continue;
          worker.Listen(listener, handler, bound.fds[i % bound.fds.size()].get());
        }
      }
    });
    OUTRIGGER_CHECK(posted);  // the mailboxes are new
  }
}

void WorkerSet::Apply(const std::shared_ptr<const Snapshot>& snapshot) {
  for (size_t i = 0; i < count_; ++i) {
    Worker& worker = *workers_[i];
    pool_->Post(static_cast<int>(i), [&worker, snapshot] { worker.Apply(snapshot); });
  }
}

void WorkerSet::SetHosts(const std::string& cluster, const std::shared_ptr<const HostSet>& hosts) {
  for (size_t i = 0; i < count_; ++i) {
    HostInbox& inbox = inboxes_[i];
    scheduler::MutexLock lock(inbox.mutex);
    inbox.hosts[cluster] = hosts;
    // If the mailbox is full, the next update tries again.
    inbox.posted = inbox.posted || pool_->Post(static_cast<int>(i), [this, i] { TakeHosts(i); });
  }
}

void WorkerSet::TakeHosts(size_t i) {
  HostsByCluster taken;
  {
    scheduler::MutexLock lock(inboxes_[i].mutex);
    taken.swap(inboxes_[i].hosts);
    inboxes_[i].posted = false;
  }
  for (auto& [cluster, hosts] : taken) workers_[i]->SetHosts(cluster, std::move(hosts));
}

void WorkerSet::Drain() {
  for (size_t i = 0; i < count_; ++i) {
    Worker& worker = *workers_[i];
    pool_->Post(static_cast<int>(i), [&worker] { worker.Drain(); });
  }
}

void WorkerSet::CloseConnections() {
  for (size_t i = 0; i < count_; ++i) {
    Worker& worker = *workers_[i];
    pool_->Post(static_cast<int>(i), [&worker] { worker.CloseConnections(); });
  }
}

void WorkerSet::StopListening() {
  // The accept loops see an error and end; the descriptors stay theirs until Stop().
  for (const Bound& bound : bound_) {
    for (const Fd& fd : bound.fds) shutdown(fd.get(), SHUT_RDWR);
  }
}

void WorkerSet::Stop() { pool_->Stop(); }

size_t WorkerSet::connections() const {
  size_t sum = 0;
  for (const auto& worker : workers_) sum += worker->connections();
  return sum;
}

std::vector<Address> WorkerSet::Addresses(const std::string& listener) const {
  std::vector<Address> addresses;
  for (const Bound& bound : bound_) {
    if (bound.listener == listener) addresses.push_back(bound.address);
  }
  return addresses;
}

}  // namespace outrigger::proxy
