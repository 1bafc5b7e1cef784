// pool.h: a worker's connections to one host, and the requests that wait for one.
// Flow: connection -> router -> cluster (picks the host) -> [pool] -> client -> codec -> transport.
// Many downstream requests share few upstream connections: a new one is opened only when the open
// ones are at the peer's stream limit, which with HTTP/1 is one. Does not choose hosts.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/upstream/client.h"
#include "proxy/upstream/cluster_view.h"

namespace outrigger::proxy {

// A request's place at a pool: in its queue, then on one of its connections. Lives in the request's
// frame and can be used again after End(), for another try.
//
// Runs on: worker. Owner: the request's frame; never moved. Thread-safety: confined.
class PendingStream final : private StreamCloseListener {
 public:
  PendingStream() = default;
  PendingStream(const PendingStream&) = delete;
  PendingStream& operator=(const PendingStream&) = delete;
  ~PendingStream() { End(); }

  // Gives up the place in the queue, or the permit of a stream that was opened (which the caller
  // resets, or lets end, and then releases). `stream` and `error` stay. A stream that closes gives
  // its permit back by itself, so that who waits for the room it leaves has the permit, too.
  void End();
  // Forgets what came of the try, too.
  void Clear() {
    End();
    stream = nullptr;
    error = {};
    connect_errno = 0;
    transport_failure.clear();
  }

  // --- Set before Acquire().
  scheduler::Signal* signal = nullptr;  // set when `stream` or `error` is
  bool high_priority = false;           // whose limits hold
  bool http2 = false;                   // what it goes by: see Cluster::UsesHttp2()
  // --- What came of it.
  Stream* stream = nullptr;
  StreamError error;
  int connect_errno = 0;          // of a failed connect, if known
  std::string transport_failure;  // of a failed TLS handshake

 private:
  friend class HostPool;
  void OnStreamClosed() override { End(); }

  enum class Place : uint8_t { kNone, kQueued, kOpen };
  Place place_ = Place::kNone;
  LocalRef<HostPool> pool_;     // while it has a place
  LocalRef<ClusterView> view_;  // whose permit it holds
  PendingStream* prev_ = nullptr;
  PendingStream* next_ = nullptr;
};

// Runs on: worker. Owner: counted: UpstreamCluster, clients and requests. Thread-safety: confined.
class HostPool : public LocallyCounted<HostPool> {
 public:
  HostPool(LocalRef<ClusterView> view, std::shared_ptr<const Host> host, UpstreamServices services);

  // A stream right now, or null: then the request is queued in `pending`, or `pending.error` is set
  // (a limit, or the host is gone).
  Stream* Acquire(PendingStream& pending);
  // The host or cluster is gone: finish what is open and who waits.
  void Retire();

  const Cluster& cluster() const { return view_->cluster(); }
  const std::shared_ptr<const Cluster>& cluster_ptr() const { return view_->cluster_ptr(); }
  const Host& host() const { return *host_; }
  const std::shared_ptr<const Host>& host_ptr() const { return host_; }
  HostCounters& counters() { return *counters_; }
  // What a request to this host came to, for the host's stats.
  void CountAnswer(uint32_t status, bool timed_out);
  // New settings, a new address: for connections to come.
  void Set(LocalRef<ClusterView> view, std::shared_ptr<const Host> host);

  // From clients.
  void OnReady(Client& client);
  void OnCapacity(Client& client);
  void OnClosed(Client& client, ErrorCode code);

 private:
  friend class PendingStream;
  struct Connection {
    Client* client;
    LocalRef<ClusterView> view;  // whose permit it holds
    bool high_priority;
  };

  // Those who wait, first come first.
  struct Queue {
    PendingStream* head = nullptr;
    PendingStream* tail = nullptr;
    size_t size = 0;
  };

  // Those that go by one version of HTTP.
  struct Lane {
    std::array<Queue, 2> queues;  // of default and of high priority
    size_t connecting = 0;
    size_t waiting() const { return queues[0].size + queues[1].size; }
  };

  Queue& queue(const PendingStream& pending) {
    return lanes_[pending.http2].queues[pending.high_priority];
  }
  size_t waiting() const { return lanes_[false].waiting() + lanes_[true].waiting(); }
  // The cluster goes by its protocol, or somebody still waits for it.
  bool Wanted(const Client& client) const {
    return cluster().UsesHttp2(client.http2()) == client.http2() ||
           lanes_[client.http2()].waiting() > 0;
  }
  void Leave(PendingStream& pending);
  void Enqueue(PendingStream& pending);
  void Dequeue(PendingStream& pending);
  // Null: over the limit, and `pending.error` says so.
  Stream* Open(Client& client, PendingStream& pending);
  void Overflow(PendingStream& pending, Counter counter);
  Client* Usable(bool http2);
  size_t StreamsPerConnection(bool http2) const;
  void ConnectForQueues(bool http2);
  // For whoever's limit has room. False: nobody's.
  bool ConnectForOne(bool http2);
  // False: the limit of connections is reached.
  bool Connect(bool http2, bool high_priority);
  void Serve(bool http2);
  void Fail(Lane& lane, ErrorCode code, const Client& client);
  void DrainIfDone();

  LocalRef<ClusterView> view_;
  std::shared_ptr<const Host> host_;
  HostCounters* counters_;  // the host's, of this worker
  const UpstreamServices services_;
  std::vector<Connection> connections_;
  // Of HTTP/1: those that were free when they were last heard of, the last used one last. It is
  // used next, so that what a quieter hour does not need grows old and is closed.
  std::vector<Client*> free_;
  std::array<Lane, 2> lanes_;  // of HTTP/1 and of HTTP/2
  bool retired_ = false;
  bool draining_ = false;
};

inline void PendingStream::End() {
  if (place_ == Place::kNone) return;
  if (place_ == Place::kOpen) stream->SetCloseListener(nullptr);
  const LocalRef<HostPool> pool = std::move(pool_);
  pool->Leave(*this);
}

}  // namespace outrigger::proxy
