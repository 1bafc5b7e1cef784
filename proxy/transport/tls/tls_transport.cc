#include "proxy/transport/tls/tls_transport.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "proxy/transport/tls/certificate_facts.h"
#include "scheduler/base/check.h"
#include "scheduler/base/text.h"

namespace outrigger::proxy {
namespace {

// A record and its frame (RFC 8446 5.2).
constexpr size_t kRecord = 16384;
constexpr size_t kSealed = kRecord + 256 + 5;
constexpr size_t kRecordsAtOnce = 4;
constexpr size_t kReceive = 32 * 1024;
// Beyond what a Write() makes of four records: alerts, tickets, answers to key updates. A peer that
// asks for more of these and takes none is no peer.
constexpr size_t kMostUnsent = 256 * 1024;

}  // namespace

// The library's side of a connection.
struct TlsBio {
  static TlsTransport& Of(BIO* bio) { return *static_cast<TlsTransport*>(BIO_get_data(bio)); }
  static int Read(BIO* bio, char* to, int size) {
    BIO_clear_retry_flags(bio);
    return Of(bio).Receive(to, size, bio);
  }
  static int Write(BIO* bio, const char* bytes, int size) {
    BIO_clear_retry_flags(bio);
    return Of(bio).Transmit(bytes, size);
  }
  // NOLINTNEXTLINE(google-runtime-int): the library's signature.
  static long Control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH; }
};

BIO_METHOD* MakeTlsBio() {
  BIO_METHOD* method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "connection");
  OUTRIGGER_CHECK(method);
  BIO_meth_set_read(method, TlsBio::Read);
  BIO_meth_set_write(method, TlsBio::Write);
  BIO_meth_set_ctrl(method, TlsBio::Control);
  return method;
}

// Lends a call memory to receive into, and keeps what of it was not used.
class TlsTransport::Receiving {
 public:
  Receiving(TlsTransport& tls, char* memory) : tls_(tls) {
    tls_.receive_into_ = memory;
    tls_.drained_ = false;
    tls_.input_ = tls_.leftover_.view();
  }
  ~Receiving() {
    const std::string_view rest = tls_.input_;
    tls_.receive_into_ = nullptr;
    if (rest.empty()) {
      tls_.leftover_ = {};
    } else if (tls_.leftover_.empty()) {
      tls_.leftover_ = Slice::Copy(rest);
    } else {
      tls_.leftover_.RemovePrefix(tls_.leftover_.size() - rest.size());
    }
    tls_.input_ = {};
  }

 private:
  TlsTransport& tls_;
};

TlsTransport::TlsTransport(std::shared_ptr<const TlsConfig> config, int fd)
    : config_(std::move(config)), fd_(fd), ssl_(SSL_new(config_->handle())) {
  OUTRIGGER_CHECK(ssl_);
  BIO* bio = BIO_new(config_->bio());
  OUTRIGGER_CHECK(bio);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_app_data(ssl_, &verdict_);
  SSL_set_shed_handshake_config(ssl_, 1);  // some KiB that an open connection has no use for
  if (config_->side() == TlsSide::kServer) {
    SSL_set_accept_state(ssl_);
  } else {
    SSL_set_connect_state(ssl_);
    const std::string& name = config_->server_name();
    if (!name.empty()) SSL_set_tlsext_host_name(ssl_, name.c_str());
  }
}

TlsTransport::~TlsTransport() { SSL_free(ssl_); }

int TlsTransport::Receive(char* to, int size, BIO* bio) {
  if (input_.empty()) {
    leftover_ = {};
    IoResult got{IoResult::Kind::kAgain};
    if (receive_into_ && !drained_) got = ReadFrom(fd_, receive_into_, kReceive);
    switch (got.kind) {
      case IoResult::Kind::kAgain:
        drained_ = true;
        BIO_set_retry_read(bio);
        return -1;
      case IoResult::Kind::kError:
        errno_ = got.error;
        return -1;
      case IoResult::Kind::kEof:
        return 0;
      case IoResult::Kind::kBytes:
        break;
    }
    drained_ = got.bytes < kReceive;
    input_ = {receive_into_, got.bytes};
  }
  const size_t part = std::min(input_.size(), static_cast<size_t>(size));
  std::memcpy(to, input_.data(), part);
  input_.remove_prefix(part);
  return static_cast<int>(part);
}

int TlsTransport::Transmit(const char* bytes, int size) {
  const auto length = static_cast<size_t>(size);
  if (gather_into_) {
    if (gathered_ + length > kRecordsAtOnce * kSealed) {
      if (!Send({gather_into_, std::exchange(gathered_, 0)})) return -1;
    }
    if (length <= kRecordsAtOnce * kSealed) {
      std::memcpy(gather_into_ + gathered_, bytes, length);
      gathered_ += length;
      return size;
    }
  }
  return Send({bytes, length}) ? size : -1;
}

bool TlsTransport::Send(std::string_view bytes) {
  ssize_t n = 0;
  if (unsent_.empty() && !bytes.empty()) {
    do {
      n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
      if (errno != EAGAIN && errno != EWOULDBLOCK) {
        errno_ = errno;
        return false;
      }
      n = 0;
    }
  }
  bytes.remove_prefix(static_cast<size_t>(n));
  if (unsent_.bytes() + bytes.size() > kMostUnsent) {
    errno_ = ENOBUFS;
    return false;
  }
  unsent_.PushCopy(bytes);
  return true;
}

bool TlsTransport::SendUnsent() {
  while (!unsent_.empty()) {
    const Slice& front = unsent_.front();
    const ssize_t n = send(fd_, front.data(), front.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return true;
      errno_ = errno;
      return false;
    }
    unsent_.Drain(static_cast<size_t>(n));
  }
  return true;
}

TlsTransport::Step TlsTransport::Handshake() {
  if (!SendUnsent()) {
    TakeFailure();
    return Step::kFailed;
  }
  if (owes()) return Step::kWrite;
  char memory[kReceive];
  Receiving receiving(*this, memory);
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) {
    // A server's ticket tells who the client was, whose certificate may have expired since.
    if (config_->side() == TlsSide::kServer && SSL_session_reused(ssl_)) {
      verdict_ = config_->verifier().Check(ssl_, TlsSide::kServer);
      if (verdict_.fault != PeerVerdict::Fault::kNone) {
        SSL_send_fatal_alert(ssl_, static_cast<uint8_t>(verdict_.alert));
        failure_ = verdict_.reason;
        return Step::kFailed;
      }
    }
    return Step::kDone;
  }
  if (Failed(result).kind != IoResult::Kind::kAgain) return Step::kFailed;
  return owes() ? Step::kWrite : Step::kRead;
}

IoResult TlsTransport::Read(char* buffer, size_t size) {
  if (end_.kind != IoResult::Kind::kAgain) return end_;
  char memory[kReceive];
  Receiving receiving(*this, memory);
  size_t got = 0;
  while (got < size) {
    const int n = SSL_read(ssl_, buffer + got, static_cast<int>(size - got));
    if (n > 0) {
      got += static_cast<size_t>(n);
      continue;
    }
    end_ = Failed(n);
    break;
  }
  return got > 0 ? IoResult{IoResult::Kind::kBytes, got} : end_;
}

IoResult TlsTransport::Write(SliceQueue& out) {
  if (!SendUnsent()) return {IoResult::Kind::kError, 0, errno_};
  if (owes()) return {IoResult::Kind::kAgain};
  char sealed[kRecordsAtOnce * kSealed];
  char record[kRecord];
  size_t taken = 0;
  // One record alone is sent from where it was sealed.
  gather_into_ = out.bytes() > kRecord ? sealed : nullptr;
  gathered_ = 0;
  bool failed = false;
  for (size_t i = 0; i < kRecordsAtOnce && !out.empty(); ++i) {
    const Slice& front = out.front();
    const char* bytes = front.data();
    size_t size = std::min(front.size(), kRecord);
    if (size < kRecord && size < out.bytes()) {  // a record of several slices
      size = 0;
      for (const Slice& slice : out) {
        const size_t part = std::min(slice.size(), kRecord - size);
        std::memcpy(record + size, slice.data(), part);
        size += part;
        if (size == kRecord) break;
      }
      bytes = record;
    }
    const int n = SSL_write(ssl_, bytes, static_cast<int>(size));
    if (n <= 0) {
      failed = true;
      Failed(n);
      break;
    }
    out.Drain(static_cast<size_t>(n));
    taken += static_cast<size_t>(n);
  }
  gather_into_ = nullptr;
  if (!Send({sealed, std::exchange(gathered_, 0)})) failed = true;
  if (failed) return {IoResult::Kind::kError, taken, errno_};
  return {owes() ? IoResult::Kind::kAgain : IoResult::Kind::kBytes, taken};
}

void TlsTransport::EndWriting() {
  if (SSL_in_init(ssl_) || errno_ != 0) return;
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

std::string_view TlsTransport::alpn() const {
  const uint8_t* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

TlsPeer TlsTransport::Describe() const { return DescribePeer(ssl_); }

IoResult TlsTransport::Failed(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
      return {IoResult::Kind::kAgain};
    case SSL_ERROR_ZERO_RETURN:
      return {IoResult::Kind::kEof};
    default:
      // An end without a close_notify is no end: somebody may have cut it off (RFC 8446 6.1).
      TakeFailure();
      return {IoResult::Kind::kError, 0, errno_ ? errno_ : ECONNRESET};
  }
}

void TlsTransport::TakeFailure() {
  std::string text;
  while (const uint32_t error = ERR_get_error()) {
    const bool is_tls = ERR_GET_LIB(error) == ERR_LIB_SSL;
    if (is_tls && ERR_GET_REASON(error) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
      no_certificate_ = true;
    }
    scheduler::Append(text, text.empty() ? "TLS_error:" : "", "|", error, ":",
                      ERR_lib_error_string(error),
                      ":OPENSSL_internal:", ERR_reason_error_string(error));
    if (is_tls && ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
      scheduler::Append(text, ":", verdict_.reason);
    }
  }
  if (!text.empty()) {
    text += ":TLS_error_end";
  } else if (errno_ != 0) {
    text = std::strerror(errno_);
  }
  if (failure_.empty()) failure_ = std::move(text);
}

void TlsTransport::Count(StatSlab& stats) const {
  const TlsStats& counters = config_->stats();
  if (!SSL_in_init(ssl_)) {
    stats.Inc(counters.handshake);
    if (SSL_session_reused(ssl_)) stats.Inc(counters.session_reused);
    if (!SSL_get0_peer_certificates(ssl_)) stats.Inc(counters.no_certificate);
    return;
  }
  switch (verdict_.fault) {
    case PeerVerdict::Fault::kChain:
      return stats.Inc(counters.fail_verify_error);
    case PeerVerdict::Fault::kName:
      return stats.Inc(counters.fail_verify_san);
    case PeerVerdict::Fault::kHash:
      return stats.Inc(counters.fail_verify_cert_hash);
    case PeerVerdict::Fault::kNone:
      break;
  }
  if (no_certificate_) return stats.Inc(counters.fail_verify_no_cert);
  if (failure_.starts_with("TLS_error")) stats.Inc(counters.connection_error);
}

scheduler::Task<TlsHandshake> FinishHandshake(TlsTransport& tls, scheduler::PollFd& poll,
                                              scheduler::Nanos deadline) {
  while (true) {
    const TlsTransport::Step step = tls.Handshake();
    if (step == TlsTransport::Step::kDone) co_return TlsHandshake::kDone;
    if (step == TlsTransport::Step::kFailed) co_return TlsHandshake::kFailed;
    scheduler::Wake wake;
    if (step == TlsTransport::Step::kRead) {
      wake = co_await poll.Readable(deadline);
    } else {
      wake = co_await poll.Writable(deadline);
    }
    if (wake == scheduler::Wake::kTimeout) co_return TlsHandshake::kTimeout;
    if (wake == scheduler::Wake::kCancelled) co_return TlsHandshake::kCancelled;
  }
}

}  // namespace outrigger::proxy
