// connection_manager.h: one downstream connection: driver and codec, and a coroutine for each
// request. Flow: listener -> [connection] -> router -> cluster -> upstream. How a request is
// answered is the handler's: the proxy's own is exchange.h, the built-in upstream's is echo.h.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/codec/http/codec.h"
#include "proxy/codec/http1/request_parser.h"
#include "proxy/codec/http2/keepalive.h"
#include "proxy/codec/http2/session.h"
#include "proxy/connection/request_headers.h"
#include "proxy/worker/shard.h"

namespace outrigger::proxy {

class ConnectionManager;

// Serves one request; owns one reference to `stream` (Stream::Release).
using StreamHandler = scheduler::Task<> (*)(ConnectionManager& connection, Stream& stream);

// A listener as one worker serves it. The configuration is replaced when it changes: connections
// see the new one with their next request, a request keeps the one it began with.
//
// Owner: Worker and its connections. Thread-safety: confined.
struct ActiveListener {
  ActiveListener(std::shared_ptr<const Listener> config, StreamHandler stream_handler)
      : handler(stream_handler) {
    Set(std::move(config));
  }
  // The pointer gets a count of this worker's own: no cache line is shared by requests of two
  // workers.
  void Set(std::shared_ptr<const Listener> config) {
    const Listener* plain = config.get();
    auto own = std::make_shared<std::shared_ptr<const Listener>>(std::move(config));
    listener = std::shared_ptr<const Listener>(std::move(own), plain);
  }

  std::shared_ptr<const Listener> listener;
  const StreamHandler handler;
};

// Runs on: worker. Owner: its own coroutine (Serve). Thread-safety: confined.
class ConnectionManager final : public ServerEvents {
 public:
  // Accepted connections of one worker, so that a drain reaches them.
  class List;

  ConnectionManager(Shard& shard, std::shared_ptr<ActiveListener> active, List& list,
                    DateCache& dates);
  ~ConnectionManager();

  // The whole life of a connection.
  static scheduler::Task<> Serve(Shard& shard, std::shared_ptr<ActiveListener> active, List& list,
                                 DateCache& dates, Fd fd);

  Shard& shard() { return shard_; }
  // As configured now.
  const std::shared_ptr<const Listener>& listener() const { return active_->listener; }
  const HttpListenerOptions& http() const { return active_->listener->http; }
  const Address& local_address() const { return local_; }
  const Address& peer_address() const { return peer_; }
  // Of the handshake; null: plain TCP.
  const TlsPeer* tls() const { return tls_peer_ ? &*tls_peer_ : nullptr; }
  // This hop's part of x-forwarded-client-cert, as configured now; empty: it has none.
  std::string_view client_cert_element();
  DateCache& dates() { return dates_; }
  uint64_t id() const { return id_; }

  // No new streams; open ones finish (GOAWAY, Connection: close).
  void Drain();
  // Ends now, whatever is open.
  void Close() {
    if (driver_) driver_->Close();
  }

 private:
  scheduler::Task<ErrorCode> ShakeHands(scheduler::Processor& p, int fd);
  // By the configuration, by ALPN, or by the first bytes, which `first` then holds.
  scheduler::Task<ErrorCode> ChooseCodec(scheduler::Processor& p, int fd, Slice& first);
  void MakeCodec(bool http2);
  scheduler::Task<> RunRequest(Stream& stream);
  void CountFault();
  void OnRequest(Stream& stream) override;
  void OnWritable() override;
  void OnStall(bool head) override;
  StallLimits Limits() const;
  void OnTimer();
  void ArmTimer(scheduler::Nanos deadline);
  // Each returns when to look again. At most one of them may end the connection.
  scheduler::Nanos CheckAge(scheduler::Nanos now);
  scheduler::Nanos CheckPeer(scheduler::Nanos now);

  struct ConnectionTimer : scheduler::Timer {
    explicit ConnectionTimer(ConnectionManager& owner)
        : Timer([](Timer& t) { static_cast<ConnectionTimer&>(t).connection.OnTimer(); }),
          connection(owner) {}
    ConnectionManager& connection;
  };

  Shard& shard_;
  const std::shared_ptr<ActiveListener> active_;
  List& list_;
  DateCache& dates_;
  const uint64_t id_;
  const scheduler::Nanos opened_;
  // Where this connection was counted; the configuration may change under it.
  const Gauge listener_active_, http_active_;
  Address local_, peer_;
  http1::RequestRules http1_rules_;
  const bool uses_tls_;                // as counted
  std::unique_ptr<TlsTransport> tls_;  // until the driver has it
  std::optional<TlsPeer> tls_peer_;
  std::string client_cert_element_;
  std::shared_ptr<const Listener> client_cert_as_;  // whose options made it
  std::unique_ptr<Codec> codec_;
  http2::ServerSession* http2_ = nullptr;  // codec_, if it is one
  std::optional<http2::Keepalive> keepalive_;
  std::optional<Driver> driver_;
  ConnectionTimer timer_;
  bool draining_ = false;
  size_t requests_ = 0;  // request coroutines that still run
  uint64_t requests_seen_ = 0;
  scheduler::Nanos idle_since_;  // of now, if none runs
  scheduler::Nanos drain_ends_ = scheduler::kNever;
  scheduler::Signal requests_done_;
  ConnectionManager* prev_ = nullptr;
  ConnectionManager* next_ = nullptr;
};

// Thread-safety: confined to its worker.
class ConnectionManager::List {
 public:
  void Add(ConnectionManager& connection);
  void Remove(ConnectionManager& connection);
  // Any thread: a figure.
  size_t size() const { return size_.load(std::memory_order_relaxed); }
  void DrainAll();
  // Cuts all off.
  void CloseAll();

 private:
  ConnectionManager* head_ = nullptr;
  std::atomic<size_t> size_{0};
};

}  // namespace outrigger::proxy
