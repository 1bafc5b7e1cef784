#include "proxy/connection/driver.h"

namespace outrigger::proxy {
namespace {

// What Produce() may hand over in one go, and so what a full socket can leave in memory here.
constexpr size_t kWriteBatch = 128 * 1024;
// Reads of one connection before others get their turn.
constexpr int kReadsPerTurn = 4;
// A reset that came with the last bytes is not told of (netpoll.h): this long after them, one more
// read looks for it, so that nobody waits for the dead. Long enough to cost nothing.
constexpr scheduler::Nanos kSecondLook = scheduler::kSecond;
// How long a refused peer is listened to, so that it can read why.
constexpr scheduler::Nanos kLinger = scheduler::kSecond;

}  // namespace

ReadBuffer::~ReadBuffer() {
  if (block_) block_->Unref();
}

char* ReadBuffer::Room(size_t& size) {
  if (block_ && block_->refs == 1) used_ = 0;  // nobody holds a slice of it any more
  if (!block_ || kSize - used_ < kSize / 4) {
    if (block_) block_->Unref();
    block_ = Block::New(kSize);
    used_ = 0;
  }
  size = kSize - used_;
  return block_->data() + used_;
}

Slice ReadBuffer::Take(size_t size) {
  Slice slice(block_, block_->data() + used_, size);
  used_ += size;
  return slice;
}

Driver::Driver(scheduler::Processor& p, ReadBuffer& buffer, Fd fd, Codec& codec,
               std::unique_ptr<TlsTransport> tls)
    : TurnHook([](TurnHook& hook) { static_cast<Driver&>(hook).Flush(); }),
      p_(p),
      buffer_(buffer),
      socket_(p.netpoll(), std::move(fd)),
      tls_(std::move(tls)),
      codec_(codec),
      last_activity_(p.netpoll().Now()),
      last_received_(last_activity_),
      second_look_(*this) {
  socket_.poll().SetWritableCallback(
      [](void* self) {
        Driver& driver = *static_cast<Driver*>(self);
        if (!driver.write_blocked_) return;
        driver.write_blocked_ = false;
        driver.WantFlush();
      },
      this);
}

Driver::~Driver() {
  p_.netpoll().RemoveTimer(second_look_);
  p_.CancelHook(*this);
}

void Driver::Close() {
  closing_ = true;
  resume_.Set();
  if (tls_) tls_->EndWriting();
  socket_.Shutdown();  // the reader wakes with an end of stream
}

scheduler::Task<TlsHandshake> Driver::StartTls(std::shared_ptr<const TlsConfig> config,
                                               scheduler::Nanos deadline) {
  tls_ = std::make_unique<TlsTransport>(std::move(config), socket_.fd());
  return FinishHandshake(*tls_, socket_.poll(), deadline);
}

IoResult Driver::Read(char* buffer, size_t size) {
  if (!tls_) return socket_.Read(buffer, size);
  const IoResult got = tls_->Read(buffer, size);
  if (tls_->read_ahead()) socket_.poll().WakeReader();
  if (tls_->owes()) WantFlush();  // an answer of the transport's own
  return got;
}

bool Driver::Feed(const Slice& input) {
  WantFlush();
  if (codec_.Feed(input)) return true;
  refused_ = true;
  linger_until_ = p_.netpoll().Now() + kLinger;
  codec_.OnEof();
  return false;
}

ErrorCode Driver::End(ErrorCode code) {
  closing_ = true;  // a flush that is still due finds the codec without its streams
  if (refused_ || codec_.failed()) return ErrorCode::kProtocol;
  return write_failed_ ? ErrorCode::kConnectionClosed : code;
}

scheduler::Task<ErrorCode> Driver::Run(Slice first) {
  WantFlush();  // the codec's first frames
  if (!first.empty()) {
    counts_.received += first.size();
    Feed(std::exchange(first, {}));
  }
  int reads = 0;
  while (true) {
    size_t room;
    char* buffer = buffer_.Room(room);
    const IoResult got = Read(buffer, room);
    if (got.kind == IoResult::Kind::kBytes) {
      counts_.received += got.bytes;
      last_activity_ = last_received_ = p_.netpoll().Now();
      if (last_received_ >= linger_until_) co_return End(ErrorCode::kProtocol);
      // What comes after a fault, or after the last word, is read and dropped.
      if (!refused_ && !closing_) Feed(buffer_.Take(got.bytes));
      // A short read emptied the socket; the next edge will tell of more.
      if (got.bytes == room && !codec_.reading_paused()) {  // there may be more
        if (++reads % kReadsPerTurn == 0) {
          co_await scheduler::Yield();
          if (scheduler::CurrentG()->cancelled()) co_return End(ErrorCode::kDrain);
        }
        continue;
      }
    } else if (got.kind == IoResult::Kind::kEof) {
      if (refused_) Flush();  // the peer may have closed its side only
      codec_.OnEof();
      co_return End(closing_ || codec_.open_streams() == 0 ? ErrorCode::kNone
                                                           : ErrorCode::kConnectionClosed);
    } else if (got.kind == IoResult::Kind::kError) {
      co_return End(ErrorCode::kConnectionClosed);
    }
    while (codec_.reading_paused() && !closing_) {
      paused_ = true;
      const scheduler::Wake wake = co_await resume_.Wait("handler to take the body");
      paused_ = false;
      if (wake == scheduler::Wake::kCancelled) co_return End(ErrorCode::kDrain);
    }
    // Paused with a full buffer, there may be more to read, of which no edge will tell.
    if (got.kind == IoResult::Kind::kBytes && got.bytes == room) continue;
    if (got.kind == IoResult::Kind::kBytes && !second_look_.armed() && codec_.open_streams() > 0) {
      p_.netpoll().AddTimer(second_look_, last_activity_ + kSecondLook);
    }
    const scheduler::Wake wake = co_await socket_.poll().Readable(linger_until_);
    if (wake == scheduler::Wake::kCancelled) co_return End(ErrorCode::kDrain);
    if (wake == scheduler::Wake::kTimeout) co_return End(ErrorCode::kProtocol);
  }
}

// Lazy: at most once a period, not moved by each read. A write finds a reset by itself.
void Driver::LookAgain() {
  if (codec_.open_streams() == 0) return;
  const scheduler::Nanos due = last_activity_ + kSecondLook;
  if (p_.netpoll().Now() < due) {
    p_.netpoll().AddTimer(second_look_, due);
  } else {
    socket_.poll().WakeReader();
  }
}

void Driver::Flush() {
  if (paused_ && !codec_.reading_paused()) resume_.Set();
  if (closing_) return;
  // A peer that is to go, and does not even take in why, is not waited for.
  if (write_blocked_ && refused_) Close();
  if (write_blocked_) return;
  while (true) {
    if (out_.bytes() < kWriteBatch) codec_.Produce(out_, kWriteBatch);
    if (!has_output()) break;
    const IoResult put = Write();
    counts_.sent += put.bytes;
    if (put.kind == IoResult::Kind::kAgain) {
      write_blocked_ = true;
      blocked_since_ = p_.netpoll().Now();
      if (refused_) Close();
      return;
    }
    if (put.kind == IoResult::Kind::kError) {
      write_failed_ = true;
      Close();
      return;
    }
    last_activity_ = p_.netpoll().Now();
  }
  if (!codec_.finished()) return;
  if (!refused_) return Close();
  // The peer may still be sending: closing on unread bytes would reset the connection under the
  // last word.
  closing_ = true;
  if (tls_) tls_->EndWriting();
  socket_.EndWriting();
}

}  // namespace outrigger::proxy
