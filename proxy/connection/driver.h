// driver.h: moves the bytes of one connection: socket -> codec, and codec -> socket once a loop
// turn. The same for both sides: a downstream connection and an upstream one differ in their codec.
// Knows nothing of requests.
#pragma once

#include <cstdint>
#include <memory>

#include "proxy/codec/http/codec.h"
#include "proxy/transport/socket.h"
#include "proxy/transport/tls/tls_transport.h"
#include "scheduler/scheduler.h"

namespace outrigger::proxy {

// Where all connections of a worker read into. A block is shared with the DATA slices cut from it
// and replaced when they still hold it.
//
// Owner: Worker. Thread-safety: confined.
class ReadBuffer {
 public:
  static constexpr size_t kSize = 64 * 1024;
  ~ReadBuffer();
  // At least kSize / 4 bytes to read into.
  char* Room(size_t& size);
  // The first `size` bytes of the last Room() were filled.
  Slice Take(size_t size);

 private:
  Block* block_ = nullptr;
  size_t used_ = 0;
};

struct ByteCounts {
  uint64_t received = 0;
  uint64_t sent = 0;
};

// Runs on: worker. Owner: the connection's coroutine frame. Thread-safety: confined.
class Driver : private scheduler::TurnHook {
 public:
  // `codec` outlives the driver. `tls`: the descriptor's, after its handshake; null: bytes as they
  // are.
  Driver(scheduler::Processor& p, ReadBuffer& buffer, Fd fd, Codec& codec,
         std::unique_ptr<TlsTransport> tls = nullptr);
  ~Driver();

  // Reads and feeds until the connection is over: the peer closed, an error, or the codec finished
  // and all it had to say is written. Cancelled: closes at once. kNone: an orderly end; kProtocol:
  // the peer's fault. `first`: what was read before the codec was chosen.
  scheduler::Task<ErrorCode> Run(Slice first = {});

  // Flushes at the end of this loop turn.
  void WantFlush() { p_.AtTurnEnd(*this); }
  // Ends Run() from outside (a timer).
  void Close();

  // Before Run(): the handshake of a descriptor that is connected only now. The transport is left
  // to be asked, whatever came of it.
  scheduler::Task<TlsHandshake> StartTls(std::shared_ptr<const TlsConfig> config,
                                         scheduler::Nanos deadline);

  Socket& socket() { return socket_; }
  const TlsTransport* tls() const { return tls_.get(); }
  const ByteCounts& counts() const { return counts_; }
  // When bytes last came in or went out; and came in.
  scheduler::Nanos last_activity() const { return last_activity_; }
  scheduler::Nanos last_received() const { return last_received_; }
  // Since when the peer takes nothing of what is to be written; kNever: it does.
  scheduler::Nanos blocked_since() const {
    return write_blocked_ ? blocked_since_ : scheduler::kNever;
  }

 private:
  // True: the peer is to be read on.
  bool Feed(const Slice& input);
  ErrorCode End(ErrorCode code);
  IoResult Read(char* buffer, size_t size);
  IoResult Write() { return tls_ ? tls_->Write(out_) : socket_.Write(out_); }
  bool has_output() const { return !out_.empty() || (tls_ && tls_->owes()); }
  void Flush();
  void LookAgain();

  struct SecondLook : scheduler::Timer {
    explicit SecondLook(Driver& owner)
        : Timer([](Timer& t) { static_cast<SecondLook&>(t).driver.LookAgain(); }), driver(owner) {}
    Driver& driver;
  };

  scheduler::Processor& p_;
  ReadBuffer& buffer_;
  Socket socket_;
  std::unique_ptr<TlsTransport> tls_;
  Codec& codec_;
  SliceQueue out_;  // produced, not yet written; non-empty only while the socket is full
  ByteCounts counts_;
  scheduler::Nanos last_activity_, last_received_;
  scheduler::Nanos blocked_since_ = 0;
  scheduler::Signal resume_;  // the codec takes input again
  SecondLook second_look_;
  scheduler::Nanos linger_until_ = scheduler::kNever;  // once it is refused
  bool write_blocked_ = false;
  bool paused_ = false;
  bool closing_ = false;
  bool write_failed_ = false;
  // The codec takes no more input; what it has to say is written, then closed.
  bool refused_ = false;
};

}  // namespace outrigger::proxy
