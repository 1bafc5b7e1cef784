#include "proxy/access_log/sink.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <future>
#include <sstream>

#include "gtest/gtest.h"
#include "proxy/access_log/format.h"

namespace outrigger::proxy {
namespace {

using scheduler::kMillisecond;
using scheduler::Nanos;
using scheduler::Netpoll;
using scheduler::Policy;
using scheduler::Pool;
using scheduler::Task;

class SinkTest : public testing::Test {
 protected:
  SinkTest() : path_(std::string(std::getenv("TEST_TMPDIR")) + "/log") { unlink(path_.c_str()); }

  static scheduler::PoolOptions Control() {
    return {.name = "control",
            .policy = Policy::kStealing,
            .affinity = std::vector<scheduler::CpuSet>(1)};
  }
  AccessLogConfig Log(AccessLogFiles& files, std::string_view format) {
    auto sink = files.Open(path_);
    EXPECT_TRUE(sink.ok()) << sink.status();
    return {std::make_shared<AccessLogFormat>(*AccessLogFormat::Text(format)), *sink};
  }
  std::string Content() const {
    std::ifstream file(path_);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  const std::string path_;
  const AccessRecord record_;
};

TEST_F(SinkTest, LinesReachTheFileInOrder) {
  Pool control(Control());
  AccessLogFiles files(control, {});
  Netpoll netpoll(/*shared=*/false);
  {
    AccessLogBuffers buffers(netpoll);
    buffers.Write(Log(files, "one\n"), record_);
    buffers.Write(Log(files, "two\n"), record_);
    EXPECT_EQ(Content(), "") << "it waits for more";
    buffers.Flush();
    buffers.Write(Log(files, "three\n"), record_);
  }
  files.Sync();
  EXPECT_EQ(Content(), "one\ntwo\nthree\n");
  EXPECT_EQ(files.figures().written_bytes.load(), 14u);
  EXPECT_EQ(files.figures().dropped_lines.load(), 0u);
}

TEST_F(SinkTest, TimerHandsOverWhenTheWorkerIsIdle) {
  Pool control(Control());
  AccessLogFiles files(control, {.flush_interval = kMillisecond});
  Netpoll netpoll(/*shared=*/false);
  AccessLogBuffers buffers(netpoll);
  const AccessLogConfig log = Log(files, "line\n");
  buffers.Write(log, record_);
  netpoll.Poll(/*block=*/true);  // nothing but the timer can end it
  log.sink->Sync();
  EXPECT_EQ(Content(), "line\n");
}

TEST_F(SinkTest, TaskWritesWithoutSync) {
  // A pipe: reading blocks until the control pool's task has written.
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  Pool control(Control());
  auto sink = std::make_shared<AccessLogSink>(ends[1], control, AccessLogOptions{},
                                              std::make_shared<AccessLogFigures>());
  for (const char* text : {"first\n", "second\n"}) {
    sink->Take(text, 1);
    char buffer[64];
    const ssize_t n = read(ends[0], buffer, sizeof(buffer));
    ASSERT_GT(n, 0);
    EXPECT_EQ(std::string_view(buffer, static_cast<size_t>(n)), text);
  }
  close(ends[0]);
}

TEST_F(SinkTest, FullBufferIsHandedOverAtOnce) {
  Pool control(Control());
  AccessLogFiles files(control, {.flush_size = 8});
  Netpoll netpoll(/*shared=*/false);
  AccessLogBuffers buffers(netpoll);
  const AccessLogConfig log = Log(files, "12345\n");
  buffers.Write(log, record_);
  log.sink->Sync();
  EXPECT_EQ(Content(), "");
  buffers.Write(log, record_);
  log.sink->Sync();
  EXPECT_EQ(Content(), "12345\n12345\n");
}

TEST_F(SinkTest, SlowFileDropsAndCounts) {
  // A full pipe that nobody reads: the writer blocks, the queue fills to its bound.
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const int room = fcntl(ends[0], F_SETPIPE_SZ, 4096);
  ASSERT_GT(room, 0);
  Pool control(Control());
  auto figures = std::make_shared<AccessLogFigures>();
  auto sink = std::make_shared<AccessLogSink>(ends[1], control,
                                              AccessLogOptions{.max_queued = 10'000}, figures);
  const std::string batch(1000, 'x');
  const int batches = room / 1000 + 100;
  for (int i = 0; i < batches; ++i) sink->Take(batch, 3);
  const uint64_t dropped = figures->dropped_lines.load();
  EXPECT_GE(dropped, 3u * 80);
  EXPECT_EQ(dropped % 3, 0u);
  std::thread reader([fd = ends[0]] {
    char buffer[4096];
    while (read(fd, buffer, sizeof(buffer)) > 0) {
    }
    close(fd);
  });
  sink->Sync();
  EXPECT_EQ(figures->written_bytes.load(), (static_cast<uint64_t>(batches) - dropped / 3) * 1000);
  control.Stop();  // its task holds the sink
  sink.reset();    // closes the pipe: the reader ends
  reader.join();
}

TEST_F(SinkTest, FailedWritesAreCounted) {
  const int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
  if (fd < 0) GTEST_SKIP() << "no /dev/full here";
  Pool control(Control());
  auto figures = std::make_shared<AccessLogFigures>();
  auto sink = std::make_shared<AccessLogSink>(fd, control, AccessLogOptions{}, figures);
  sink->Take("a\nb\n", 2);
  sink->Sync();
  EXPECT_EQ(figures->failed_writes.load(), 1u);
  EXPECT_EQ(figures->dropped_lines.load(), 2u);
}

TEST_F(SinkTest, SamePathIsOneFileWhileItIsUsed) {
  Pool control(Control());
  AccessLogFiles files(control, {});
  std::weak_ptr<AccessLogSink> gone;
  {
    auto a = files.Open(path_);
    auto b = files.Open(path_);
    ASSERT_TRUE(a.ok() && b.ok());
    EXPECT_EQ(*a, *b);
    gone = *a;
  }
  EXPECT_TRUE(gone.expired()) << "nobody logs to it: it is closed";
  EXPECT_TRUE(files.Open(path_).ok());
}

TEST_F(SinkTest, UnusedFileIsLetGo) {
  Pool control(Control());
  AccessLogFiles files(control, {.flush_interval = kMillisecond});
  Netpoll netpoll(/*shared=*/false);
  AccessLogBuffers buffers(netpoll);
  std::weak_ptr<AccessLogSink> sink;
  {
    const AccessLogConfig log = Log(files, "x\n");
    buffers.Write(log, record_);
    sink = log.sink;
  }
  netpoll.Poll(/*block=*/true);  // hands over
  netpoll.Poll(/*block=*/true);  // lets go
  control.Stop();
  EXPECT_TRUE(sink.expired());
  EXPECT_EQ(Content(), "x\n");
}

TEST_F(SinkTest, PathThatCannotBeOpenedIsNamed) {
  Pool control(Control());
  AccessLogFiles files(control, {});
  const auto sink = files.Open("/nowhere/at/all.log");
  ASSERT_FALSE(sink.ok());
  EXPECT_NE(sink.status().message().find("cannot open the access log '/nowhere/at/all.log'"),
            std::string::npos)
      << sink.status();
}

TEST_F(SinkTest, StandardStreamsOpen) {
  Pool control(Control());
  AccessLogFiles files(control, {});
  EXPECT_TRUE(files.Open("/dev/stdout").ok());
  EXPECT_TRUE(files.Open("/dev/stderr").ok());
}

}  // namespace
}  // namespace outrigger::proxy
