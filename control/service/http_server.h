// http_server.h: the control pool's HTTP server: a listening TCP or Unix socket, one accepting
// coroutine, one coroutine a connection (http_connection.h). The admin and the gRPC control API are
// handlers of it.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "control/service/http_connection.h"
#include "proxy/snapshot/address.h"
#include "scheduler/base/mutex.h"
#include "scheduler/pool.h"

namespace outrigger::control {

struct HttpServerOptions {
  std::string name;              // "admin": how errors call it
  proxy::Address address;        // TCP (port 0: any free one) or a Unix socket's path
  mode_t socket_mode = 0600;     // of the Unix socket
  size_t max_connections = 256;  // those beyond are closed as they come
  HttpConnectionOptions connection;
};

// Runs on: a stealing pool; Listen() and the accessors on any thread.
// Owner: the process; it outlives the pool's Gs: Stop() it, or stop the pool, before destruction.
// Thread-safety: guarded by mutex_.
class HttpServer {
 public:
  // Binds and listens. Unavailable if the address is taken or cannot be had. A Unix socket that
  // nobody listens on any more is replaced.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Listen(HttpServerOptions options);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Starts to accept. Once.
  void Start(scheduler::Pool& pool);
  // Ends everything and waits for it: accepting, connections, handlers. On the same pool.
  scheduler::Task<> Stop();

  // As bound: with the port.
  const proxy::Address& address() const { return options_.address; }
  size_t connections() const;

 private:
  HttpServer(HttpServerOptions options, int fd) : options_(std::move(options)), fd_(fd) {}
  scheduler::Task<> Accept();
  void Adopt(int fd);
  scheduler::Task<> Connection(int fd, uint64_t id);

  HttpServerOptions options_;
  const int fd_;
  scheduler::Pool* pool_ = nullptr;
  scheduler::JoinHandle acceptor_;
  mutable scheduler::Mutex mutex_;
  std::unordered_map<uint64_t, scheduler::JoinHandle> connections_ OUTRIGGER_GUARDED_BY(mutex_);
  uint64_t next_id_ OUTRIGGER_GUARDED_BY(mutex_) = 0;
};

}  // namespace outrigger::control
