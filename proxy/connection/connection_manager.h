// connection_manager.h: one downstream connection: driver and codec, and a coroutine for each request.
// Flow: listener -> [connection] -> router -> cluster -> upstream. How a request is answered is the
// handler's: the proxy's own is exchange.h, the built-in upstream's is echo.h.
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "proxy/codec/http/codec.h"
#include "proxy/codec/http1/request_parser.h"
#include "proxy/connection/request_headers.h"
#include "proxy/worker/shard.h"

namespace outrigger::proxy {

class ConnectionManager;

// Serves one request; owns one reference to `stream` (Stream::Release).
using StreamHandler = scheduler::Task<> (*)(ConnectionManager& connection, Stream& stream);

// What a listener hands to its connections. Shared by them; replaced when the listener changes.
struct ConnectionOptions {
  std::shared_ptr<const Listener> listener;
  StreamHandler handler;
};

// Runs on: worker. Owner: its own coroutine (Serve). Thread-safety: confined.
class ConnectionManager final : public ServerEvents {
 public:
  // Accepted connections of one worker, so that a drain reaches them.
  class List;

  ConnectionManager(Shard& shard, const ConnectionOptions& options, List& list, DateCache& dates);
  ~ConnectionManager();

  // The whole life of a connection.
  static scheduler::Task<> Serve(Shard& shard, std::shared_ptr<const ConnectionOptions> options,
                                 List& list, DateCache& dates, Fd fd);

  Shard& shard() { return shard_; }
  const Listener& listener() const { return *options_.listener; }
  const HttpListenerOptions& http() const { return options_.listener->http; }
  const Address& local_address() const { return local_; }
  const Address& peer_address() const { return peer_; }
  DateCache& dates() { return dates_; }
  uint64_t id() const { return id_; }

  // No new streams; open ones finish (GOAWAY, Connection: close).
  void Drain();

 private:
  scheduler::Task<ErrorCode> ChooseCodec(scheduler::Processor& p, Fd& fd, Slice& first);
  scheduler::Task<> RunRequest(Stream& stream);
  void OnRequest(Stream& stream) override;
  void OnWritable() override;
  void OnTimer();

  struct ConnectionTimer : scheduler::Timer {
    explicit ConnectionTimer(ConnectionManager& owner)
        : Timer([](Timer& t) { static_cast<ConnectionTimer&>(t).connection.OnTimer(); }),
          connection(owner) {}
    ConnectionManager& connection;
  };

  Shard& shard_;
  const ConnectionOptions& options_;
  List& list_;
  DateCache& dates_;
  const uint64_t id_;
  const scheduler::Nanos opened_;
  Address local_, peer_;
  http1::RequestRules http1_rules_;
  std::unique_ptr<Codec> codec_;
  std::optional<Driver> driver_;
  ConnectionTimer timer_;
  size_t requests_ = 0;           // request coroutines that still run
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

 private:
  ConnectionManager* head_ = nullptr;
  std::atomic<size_t> size_{0};
};

}  // namespace outrigger::proxy
