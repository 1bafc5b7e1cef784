#include "proxy/transport/tls/tls_transport.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/proxy/transport/tls/tls_test.h"

namespace outrigger::proxy {
namespace {

using testing::HasSubstr;
using Kind = IoResult::Kind;

class TlsTransportTest : public testing::Test {
 protected:
  TlsTransportTest() {
    server_->Finish();
    client_->Finish();
  }
  static SliceQueue Queue(std::string_view text) {
    SliceQueue queue;
    queue.Push(Slice::Copy(text));
    return queue;
  }
  // What `from` has to say now.
  static std::string ReadAll(TlsTransport& from, IoResult::Kind& last) {
    std::string text;
    std::vector<char> buffer(64 * 1024);
    while (true) {
      const IoResult got = from.Read(buffer.data(), buffer.size());
      last = got.kind;
      if (got.kind != Kind::kBytes) return text;
      text.append(buffer.data(), got.bytes);
    }
  }

  const Identity identity_ = Identity::Make({});
  StatRegistry registry_;
  StatSlab* const slab_ = registry_.NewSlab();
  const TlsStats stats_ = TlsStats::MakeDownstream(registry_, "test");
  std::shared_ptr<TlsConfig> server_ = MakeConfig(TlsSide::kServer, &identity_, stats_);
  std::shared_ptr<TlsConfig> client_ = MakeConfig(TlsSide::kClient);
};

TEST_F(TlsTransportTest, MovesBytesBothWays) {
  TlsPair pair(server_, client_);
  ASSERT_TRUE(pair.Shake()) << pair.server->failure();
  Kind last;
  SliceQueue out = Queue("hello");
  EXPECT_EQ(pair.client->Write(out).bytes, 5u);
  EXPECT_TRUE(out.empty());
  EXPECT_EQ(ReadAll(*pair.server, last), "hello");
  EXPECT_EQ(last, Kind::kAgain);
  out = Queue("and back");
  EXPECT_EQ(pair.server->Write(out).bytes, 8u);
  EXPECT_EQ(ReadAll(*pair.client, last), "and back");
}

TEST_F(TlsTransportTest, GathersSlicesIntoRecords) {
  TlsPair pair(server_, client_);
  ASSERT_TRUE(pair.Shake());
  SliceQueue out;
  std::string sent;
  for (int i = 0; i < 1000; ++i) {
    const std::string part(static_cast<size_t>(i % 97), static_cast<char>('a' + i % 26));
    out.Push(Slice::Copy(part));
    sent += part;
  }
  EXPECT_EQ(pair.server->Write(out).bytes, sent.size());
  // Three records, each with a frame of 29 bytes at most.
  std::vector<char> raw(2 * sent.size());
  const ssize_t n = recv(pair.client_fd.get(), raw.data(), raw.size(), MSG_PEEK);
  EXPECT_LT(n, static_cast<ssize_t>(sent.size() + 3 * 30));
  Kind last;
  EXPECT_EQ(ReadAll(*pair.client, last), sent);
}

TEST_F(TlsTransportTest, WaitsForAFullSocket) {
  TlsPair pair(server_, client_);
  ASSERT_TRUE(pair.Shake());
  std::string sent(4 << 20, 'x');
  for (size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 7919 >> 8);
  SliceQueue out = Queue(sent);
  std::string got;
  bool blocked = false;
  for (int i = 0; i < 1000 && got.size() < sent.size(); ++i) {
    while (!out.empty() || pair.server->owes()) {
      const IoResult put = pair.server->Write(out);
      ASSERT_NE(put.kind, Kind::kError);
      if (put.kind == Kind::kAgain) {
        blocked = true;
        break;
      }
    }
    Kind last;
    got += ReadAll(*pair.client, last);
  }
  EXPECT_TRUE(blocked);
  EXPECT_EQ(got, sent);
}

TEST_F(TlsTransportTest, ReadsInSmallPieces) {
  TlsPair pair(server_, client_);
  ASSERT_TRUE(pair.Shake());
  SliceQueue out = Queue(std::string(60000, 'y'));
  while (!out.empty()) ASSERT_EQ(pair.client->Write(out).kind, Kind::kBytes);
  size_t got = 0;
  char byte[7];
  for (IoResult read; (read = pair.server->Read(byte, sizeof(byte))).kind == Kind::kBytes;) {
    got += read.bytes;
  }
  EXPECT_EQ(got, 60000u);
}

TEST_F(TlsTransportTest, TellsAnEndFromACut) {
  for (const bool orderly : {true, false}) {
    TlsPair pair(server_, client_);
    ASSERT_TRUE(pair.Shake());
    SliceQueue out = Queue("last words");
    ASSERT_EQ(pair.client->Write(out).kind, Kind::kBytes);
    if (orderly) pair.client->EndWriting();
    shutdown(pair.client_fd.get(), SHUT_WR);
    char buffer[100];
    const IoResult got = pair.server->Read(buffer, sizeof(buffer));
    EXPECT_EQ(got.bytes, 10u);
    EXPECT_EQ(pair.server->read_ahead(), orderly);
    const IoResult end = pair.server->Read(buffer, sizeof(buffer));
    EXPECT_EQ(end.kind, orderly ? Kind::kEof : Kind::kError);
    EXPECT_EQ(pair.server->Read(buffer, sizeof(buffer)).kind, end.kind);
  }
}

TEST_F(TlsTransportTest, RefusesWhatIsNoTls) {
  TlsPair pair(server_, client_);
  ASSERT_EQ(send(pair.client_fd.get(), "GET / HTTP/1.1\r\n\r\n", 18, 0), 18);
  EXPECT_EQ(pair.server->Handshake(), TlsTransport::Step::kFailed);
  EXPECT_THAT(pair.server->failure(), HasSubstr("OPENSSL_internal:HTTP_REQUEST:TLS_error_end"));
  pair.server->Count(*slab_);
  EXPECT_EQ(registry_.Sum(stats_.connection_error), 1u);
}

TEST_F(TlsTransportTest, RefusesAChangedRecord) {
  TlsPair pair(server_, client_);
  ASSERT_TRUE(pair.Shake());
  SliceQueue out = Queue("something");
  ASSERT_EQ(pair.client->Write(out).kind, Kind::kBytes);
  char raw[200];
  const ssize_t n = recv(pair.server_fd.get(), raw, sizeof(raw), 0);
  ASSERT_GT(n, 20);
  raw[n - 1] ^= 1;
  ASSERT_EQ(send(pair.client_fd.get(), raw, static_cast<size_t>(n), 0), n);
  char buffer[100];
  EXPECT_EQ(pair.server->Read(buffer, sizeof(buffer)).kind, Kind::kError);
  EXPECT_THAT(pair.server->failure(), HasSubstr("BAD_RECORD_MAC"));
}

TEST_F(TlsTransportTest, AgreesOnAProtocol) {
  const auto agreed = [this](std::vector<std::string> ours, std::vector<std::string> theirs) {
    auto server = MakeConfig(TlsSide::kServer, &identity_);
    auto client = MakeConfig(TlsSide::kClient);
    EXPECT_TRUE(server->SetAlpn(ours).ok() && client->SetAlpn(theirs).ok());
    server->Finish();
    client->Finish();
    TlsPair pair(server, client);
    EXPECT_TRUE(pair.Shake());
    EXPECT_EQ(pair.server->alpn(), pair.client->alpn());
    return std::string(pair.server->alpn());
  };
  EXPECT_EQ(agreed({"h2", "http/1.1"}, {"http/1.1", "h2"}), "h2");
  EXPECT_EQ(agreed({"h2", "http/1.1"}, {"http/1.1"}), "http/1.1");
  EXPECT_EQ(agreed({"h2"}, {"spdy/1"}), "");
  EXPECT_EQ(agreed({}, {"h2"}), "");
  EXPECT_EQ(agreed({"h2"}, {}), "");
}

TEST_F(TlsTransportTest, CountsWhatBecameOfIt) {
  {
    TlsPair pair(server_, client_);
    ASSERT_TRUE(pair.Shake());
    pair.server->Count(*slab_);
    EXPECT_EQ(registry_.Sum(stats_.handshake), 1u);
    EXPECT_EQ(registry_.Sum(stats_.no_certificate), 1u);
  }
  auto strict = MakeConfig(TlsSide::kServer, &identity_, stats_);
  strict->RequireCertificate();
  strict->Finish();
  TlsPair pair(strict, client_);
  EXPECT_FALSE(pair.Shake());
  pair.server->Count(*slab_);
  EXPECT_EQ(registry_.Sum(stats_.fail_verify_no_cert), 1u);
  EXPECT_THAT(pair.server->failure(), HasSubstr("PEER_DID_NOT_RETURN_A_CERTIFICATE"));
}

TEST_F(TlsTransportTest, SaysNothingOfAPeerThatLeaves) {
  TlsPair pair(server_, client_);
  pair.client_fd = Fd();
  EXPECT_EQ(pair.server->Handshake(), TlsTransport::Step::kFailed);
  EXPECT_EQ(pair.server->failure(), "");
  pair.server->Count(*slab_);
  EXPECT_EQ(registry_.Sum(stats_.connection_error), 0u);
}

}  // namespace
}  // namespace outrigger::proxy
