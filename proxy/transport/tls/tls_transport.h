// tls_transport.h: TLS on one connection: what a Socket does, with bytes that nobody between can
// read. Flow: socket -> [transport] -> driver -> codec. Reads and writes the descriptor itself;
// waiting for it is the caller's. Settings and trust are the TlsConfig's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/stats/stats.h"
#include "proxy/transport/socket.h"
#include "proxy/transport/tls/tls_config.h"
#include "proxy/transport/tls/tls_peer.h"

struct bio_st;
struct ssl_st;

namespace outrigger::proxy {

// Owner: the connection; gone before the descriptor is. Thread-safety: confined.
class TlsTransport {
 public:
  // `fd` is connected and non-blocking.
  TlsTransport(std::shared_ptr<const TlsConfig> config, int fd);
  ~TlsTransport();
  TlsTransport(const TlsTransport&) = delete;
  TlsTransport& operator=(const TlsTransport&) = delete;

  // kRead, kWrite: once the descriptor is that, again.
  enum class Step : uint8_t { kDone, kRead, kWrite, kFailed };
  Step Handshake();

  // As Socket's. A short read has emptied the descriptor, but for what read_ahead() says.
  IoResult Read(char* buffer, size_t size);
  // Takes up to four records' worth from the front of `out`. kAgain: the descriptor is full, and
  // `bytes` of `out` may be gone all the same.
  IoResult Write(SliceQueue& out);
  // The next Read() has something to say that no edge will tell of.
  bool read_ahead() const { return end_.kind != IoResult::Kind::kAgain || !leftover_.empty(); }
  // Sealed bytes wait for room: Write(), even of nothing.
  bool owes() const { return !unsent_.empty(); }
  // Tells the peer that no more comes (close_notify), if there is room for it.
  void EndWriting();

  // --- After the handshake.
  std::string_view alpn() const;  // empty: none was agreed on
  TlsPeer Describe() const;
  // --- After a failure: Envoy's "TLS_error:|...", or what the socket said; empty: the peer left.
  const std::string& failure() const { return failure_; }
  const TlsConfig& config() const { return *config_; }
  // Once, when the handshake has ended either way.
  void Count(StatSlab& stats) const;

 private:
  friend struct TlsBio;
  class Receiving;
  int Receive(char* to, int size, bio_st* bio);
  int Transmit(const char* bytes, int size);
  bool Send(std::string_view bytes);
  bool SendUnsent();
  // Of a call that returned `result` <= 0. kAgain: for want of bytes.
  IoResult Failed(int result);
  void TakeFailure();

  const std::shared_ptr<const TlsConfig> config_;
  const int fd_;
  ssl_st* const ssl_;
  PeerVerdict verdict_;
  std::string failure_;
  bool no_certificate_ = false;           // the peer should have sent one
  IoResult end_{IoResult::Kind::kAgain};  // what the next Read() says, once it is known
  int errno_ = 0;                         // of the descriptor, once it failed

  // Received and not decrypted: in a Read()'s own memory while one is under way, else leftover_.
  std::string_view input_;
  char* receive_into_ = nullptr;
  bool drained_ = false;  // this Read() has emptied the descriptor
  Slice leftover_;
  // Sealed and not sent: gathered here during a Write(), and what the descriptor had no room for.
  char* gather_into_ = nullptr;
  size_t gathered_ = 0;
  SliceQueue unsent_;
};

enum class TlsHandshake : uint8_t { kDone, kFailed, kTimeout, kCancelled };
// Until the handshake is over, or `deadline`. `poll` is the descriptor's.
scheduler::Task<TlsHandshake> FinishHandshake(TlsTransport& tls, scheduler::PollFd& poll,
                                              scheduler::Nanos deadline);

// For TlsConfig: how a TlsTransport is read and written by the library. The caller frees it.
bio_method_st* MakeTlsBio();

}  // namespace outrigger::proxy
