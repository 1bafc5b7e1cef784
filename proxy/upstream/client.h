// client.h: one upstream connection of one worker: connect -> transport -> codec.
// Does not choose hosts nor queue requests: see pool.h.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "proxy/codec/http1/client_codec.h"
#include "proxy/codec/http2/keepalive.h"
#include "proxy/codec/http2/session.h"
#include "proxy/connection/driver.h"
#include "proxy/snapshot/cluster.h"
#include "proxy/stats/stats.h"
#include "proxy/upstream/local_ref.h"

namespace outrigger::proxy {

class HostPool;

// What a worker lends to its upstream side.
struct UpstreamServices {
  scheduler::Processor& p;
  ReadBuffer& read_buffer;
  StatSlab& stats;
};

// Runs on: worker. Owner: its own coroutine (Run); the pool points at it until OnClosed.
// Thread-safety: confined.
class Client final : public ClientEvents {
 public:
  enum class State : uint8_t { kConnecting, kReady, kClosed };

  Client(LocalRef<HostPool> pool, bool http2, UpstreamServices services);
  ~Client();

  // Connects, then serves streams until the connection ends. Owns the client.
  static scheduler::Task<> Run(std::unique_ptr<Client> client);

  State state() const { return state_; }
  bool http2() const { return http2_ != nullptr; }
  // The connection was established at some time.
  bool was_ready() const { return was_ready_; }
  // What a connect that was under way failed with; 0 if it did not.
  int connect_errno() const { return connect_errno_; }
  // Or its TLS handshake; empty if it did not.
  const std::string& transport_failure() const { return transport_failure_; }
  // Streams that may be opened now.
  size_t capacity() const;
  size_t open_streams() const { return codec_->open_streams(); }
  uint64_t streams_opened() const { return streams_opened_; }
  // It ends when its streams have: the peer or this side said so.
  bool draining() const { return http2_ ? http2_->draining() : http1_->draining(); }
  Stream& OpenStream();
  // No new streams; closes when the open ones have ended.
  void Drain();

 private:
  scheduler::Task<ErrorCode> Connect();
  ErrorCode AfterHandshake(TlsHandshake result);
  void OnWritable() override;
  void OnCapacity() override;
  // Lazy: looked at when something may be due, not moved by each request.
  void OnTimer();
  void ArmTimer(scheduler::Nanos deadline);
  scheduler::Nanos CheckIdle(scheduler::Nanos now);
  scheduler::Nanos CheckKeepalive(scheduler::Nanos now);

  struct ClientTimer : scheduler::Timer {
    explicit ClientTimer(Client& owner)
        : Timer([](Timer& t) { static_cast<ClientTimer&>(t).client.OnTimer(); }), client(owner) {}
    Client& client;
  };

  const LocalRef<HostPool> pool_;
  // As it was when the connection was opened; the pool's may be replaced meanwhile.
  const std::shared_ptr<const Cluster> cluster_;
  const UpstreamServices services_;
  const http1::ResponseRules http1_rules_;
  std::unique_ptr<Codec> codec_;
  // codec_, by what it is: one of them.
  http2::ClientSession* http2_ = nullptr;
  http1::Http1ClientCodec* http1_ = nullptr;
  std::optional<Driver> driver_;  // once there is a descriptor
  http2::Keepalive keepalive_;
  ClientTimer timer_;
  State state_ = State::kConnecting;
  bool was_ready_ = false;
  bool draining_ = false;  // the peer said so
  int connect_errno_ = 0;
  std::string transport_failure_;
  uint64_t streams_opened_ = 0;
  scheduler::Nanos idle_since_;  // of now, if no stream is open
  scheduler::Nanos started_;
};

}  // namespace outrigger::proxy
