// pool.h: a worker's connections to one host, and the requests that wait for one.
// Flow: connection -> router -> cluster (picks the host) -> [pool] -> client -> codec -> transport.
// Many downstream requests share few upstream connections: a new one is opened only when the open
// ones are at the peer's stream limit. Does not choose hosts.
#pragma once

#include <memory>
#include <vector>

#include "proxy/upstream/client.h"

namespace outrigger::proxy {

// A request in the queue of a pool. Lives in the request's frame; Cancel() before it goes.
struct PendingStream {
  scheduler::Signal* signal = nullptr;  // set when `stream` or `error` is
  Stream* stream = nullptr;
  StreamError error;
  int connect_errno = 0;     // of a failed connect, if known
  HostPool* pool = nullptr;  // non-null while queued
  PendingStream* prev = nullptr;
  PendingStream* next = nullptr;
};

// Runs on: worker. Owner: UpstreamCluster and its clients (shared). Thread-safety: confined.
class HostPool : public std::enable_shared_from_this<HostPool> {
 public:
  HostPool(std::shared_ptr<const Cluster> cluster, std::shared_ptr<const Host> host,
           UpstreamServices services);

  // A stream right now, or null: then the request is queued in `pending`, or `pending.error` is set
  // (overflow).
  Stream* Acquire(PendingStream& pending);
  // Takes a queued request out.
  void Cancel(PendingStream& pending);
  // The host or cluster is gone: finish what is open.
  void Retire();

  const Cluster& cluster() const { return *cluster_; }
  const std::shared_ptr<const Cluster>& cluster_ptr() const { return cluster_; }
  const Host& host() const { return *host_; }
  const std::shared_ptr<const Host>& host_ptr() const { return host_; }
  // New settings for connections to come.
  void SetCluster(std::shared_ptr<const Cluster> cluster) { cluster_ = std::move(cluster); }

  // From clients.
  void OnReady(Client& client);
  void OnCapacity();
  void OnClosed(Client& client, ErrorCode code);

 private:
  Client* Usable();
  void Connect();
  void Serve();
  void Fail(ErrorCode code, int connect_errno = 0);

  std::shared_ptr<const Cluster> cluster_;
  const std::shared_ptr<const Host> host_;
  const UpstreamServices services_;
  std::vector<Client*> clients_;
  size_t connecting_ = 0;
  PendingStream* pending_head_ = nullptr;
  PendingStream* pending_tail_ = nullptr;
  size_t pending_ = 0;
  bool retired_ = false;
};

}  // namespace outrigger::proxy
