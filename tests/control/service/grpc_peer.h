// grpc_peer.h: a gRPC client in tests: blocking, on the test's thread, free to send what no client
// would. A connection with any number of calls, driven by whoever waits.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/codec/http2/session.h"
#include "proxy/grpc/framing.h"
#include "proxy/grpc/status.h"
#include "tests/control/service/peer.h"

namespace outrigger::control {

class GrpcPeer final : private proxy::ClientEvents {
 public:
  using ExtraHeaders = std::vector<std::pair<std::string, std::string>>;

  class Call {
   public:
    Call(GrpcPeer& peer, proxy::Stream& stream)
        : peer_(peer), stream_(stream), headers_(stream.arena) {}
    ~Call() { stream_.Release(); }

    void Start(std::string_view path, const ExtraHeaders& extra) {
      headers_.Add(proxy::HeaderName::kMethod, "POST");
      headers_.Add(proxy::HeaderName::kScheme, "http");
      headers_.Add(proxy::HeaderName::kPath, path);
      headers_.Add(proxy::HeaderName::kAuthority, "test");
      headers_.Add(proxy::HeaderName::kTe, "trailers");
      headers_.Add(proxy::HeaderName::kContentType, "application/grpc");
      for (const auto& [name, value] : extra) headers_.Set(name, value);
      stream_.SendHeaders(headers_, /*end=*/false);
      peer_.Flush();
    }
    void SendBytes(std::string_view bytes) {
      proxy::SliceQueue data;
      data.Push(proxy::Slice::Copy(bytes));
      stream_.SendData(data, /*end=*/false);
      peer_.Flush();
    }
    void Send(std::string_view message) { SendBytes(proxy::grpc::FrameMessage(message).view()); }
    void End() {
      proxy::SliceQueue nothing;
      stream_.SendData(nothing, /*end=*/true);
      peer_.Flush();
    }
    // Waits for a message; nullopt if the call ended instead.
    std::optional<std::string> Next() {
      while (true) {
        const size_t before = stream_.body.bytes();
        auto message = reader_.Read(stream_.body);
        stream_.Consume(before - stream_.body.bytes());
        if (!message.ok()) return std::nullopt;
        if (*message) return *std::move(*message);
        if (stream_.end_received || stream_.error || !peer_.Pump()) return std::nullopt;
      }
    }
    // Waits for the end.
    absl::Status Outcome() {
      while (!stream_.end_received && !stream_.error) {
        if (!peer_.Pump()) return absl::DataLossError("the connection ended");
      }
      if (!stream_.end_received) return absl::DataLossError("the call was reset");
      return proxy::grpc::ReadStatus(stream_.headers, stream_.trailers);
    }
    // One request, no more.
    absl::Status Ask(std::string_view message) {
      Send(message);
      End();
      return Outcome();
    }
    std::string_view http_status() const { return stream_.headers.Get(proxy::HeaderName::kStatus); }

   private:
    GrpcPeer& peer_;
    proxy::Stream& stream_;
    proxy::Headers headers_;
    proxy::grpc::MessageReader reader_;
  };

  explicit GrpcPeer(const std::string& socket_path)
      : peer_(*proxy::Address::Pipe(socket_path)),
        session_(*this, proxy::Http2Options(), proxy::HeaderLimits()) {}

  std::unique_ptr<Call> Start(std::string_view path, const ExtraHeaders& extra = {}) {
    auto call = std::make_unique<Call>(*this, session_.OpenStream());
    call->Start(path, extra);
    return call;
  }
  // Reads once. False: the connection ended.
  bool Pump() {
    Flush();
    const std::string bytes = peer_.Receive();
    if (!bytes.empty()) session_.Feed(proxy::Slice::Copy(bytes));
    return !bytes.empty();
  }
  bool connected() const { return peer_.connected(); }

 private:
  void OnWritable() override {}
  void OnCapacity() override {}

  void Flush() {
    proxy::SliceQueue out;
    session_.Produce(out, 1 << 20);
    while (!out.empty()) peer_.Send(out.Pop().view());
  }

  Peer peer_;
  proxy::http2::ClientSession session_;
};

}  // namespace outrigger::control
