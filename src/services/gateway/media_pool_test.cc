// SPDX-License-Identifier: Apache-2.0
// Workers that die, each with a thread and sockets of its own.
#include "services/gateway/media_pool.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>
#include <thread>

#include "crypto/certificate.h"

namespace jb::services {
namespace {

using std::chrono::milliseconds;

// Far above what this needs, so that only a hang reaches it.
constexpr Duration kPatience = std::chrono::seconds(120);

std::uint16_t FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&at), size), 0);
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size), 0);
  close(fd);
  return ntohs(at.sin_port);
}

class MediaPoolTest : public testing::Test, public MediaPool::Observer {
 protected:
  void Start(MediaPoolOptions options = {}) {
    const auto make = [this](std::size_t slot, bool again, const MediaWorker::Handlers& handlers) {
      if (again && failures_ > 0) {
        --failures_;
        return Result<std::unique_ptr<MediaWorker>>(Fail("test", "not now"));
      }
      if (again && fresh_port_) port_ = FreePort();
      MediaWorkerConfig config;
      config.index = slot;
      config.port = port_;
      config.listen = {*SocketAddress::Parse("127.0.0.1", 0)};
      config.announce = config.listen;
      config.certificate = certificate_;
      return MediaWorker::Start(config, loop_, metrics_, taps_, handlers);
    };
    Observer& observer = *this;
    pool_ = std::make_unique<MediaPool>(loop_, metrics_, observer, make, options);
    ASSERT_TRUE(pool_->Start(1).ok());
  }
  void Kill() {
    pool_->at(0).Run([](sfu::Worker&, Time) { throw std::runtime_error("a bug"); });
  }
  // What the worker says of its transports: that is from another thread, and it still works.
  std::string AskForATransport(const char* id) {
    std::optional<std::string> answer;
    pool_->at(0).Call<Result<json::object>>(
        [id](sfu::Worker& worker, Time now) {
          return worker.CreateTransport(TransportId(id), sfu::TransportDirection::kSend, now);
        },
        [&](const Result<json::object>& made) { answer = made.ok() ? "made" : made.error().code; });
    EXPECT_TRUE(loop_.RunUntil([&] { return answer.has_value(); }, kPatience));
    return answer.value_or("");
  }
  bool AwaitLosses(int n) {
    return loop_.RunUntil([&] { return losses_ >= n; }, kPatience);
  }
  double Restarts() {
    return metrics_.GetCounter("jbcalling_worker_restarts_total", "", {{"worker", "0"}}).Value();
  }

  io::Loop loop_;
  Metrics metrics_;
  TapMailbox taps_{16, [] {}};
  const std::shared_ptr<const crypto::Certificate> certificate_ = crypto::Certificate::Make();
  std::uint16_t port_ = FreePort();
  bool fresh_port_ = false;
  int failures_ = 0;
  int losses_ = 0;
  std::vector<MediaWorker*> workers_;
  std::unique_ptr<MediaPool> pool_;

 private:
  void HandleWorkerEvent(std::size_t, const sfu::WorkerEvent&) override {}
  void HandleWorkersChanged(const std::vector<MediaWorker*>& workers) override { workers_ = workers; }
  void HandleWorkerLost(std::size_t slot) override {
    EXPECT_EQ(slot, 0u);
    ++losses_;
  }
};

TEST_F(MediaPoolTest, AWorkerWhoseLoopThrowsIsReplacedOnItsPort) {
  Start();
  EXPECT_EQ(AskForATransport("t"), "made");
  Kill();
  ASSERT_TRUE(AwaitLosses(1));
  EXPECT_EQ(pool_->running(), 1u);
  EXPECT_NE(workers_[0], nullptr);
  EXPECT_EQ(AskForATransport("t"), "made");  // it knows nothing of the one before
  EXPECT_EQ(Restarts(), 1);
}

TEST_F(MediaPoolTest, WhatADeadWorkerWasAskedIsRefusedInOrder) {
  Start();
  Kill();
  std::vector<std::string> answers;
  for (const char* name : {"first", "second"}) {
    pool_->at(0).Call<Status<>>([](sfu::Worker&, Time) { return kOk; },
                                [&, name](const Status<>& status) {
                                  answers.push_back(std::string(name) + ": " + (status.ok() ? "" : status.error().code));
                                });
  }
  ASSERT_TRUE(AwaitLosses(1));
  EXPECT_EQ(answers, (std::vector<std::string>{"first: transport_not_found", "second: transport_not_found"}));
}

TEST_F(MediaPoolTest, AWorkerThatHangsIsReplacedAndEndsWhenItComesBack) {
  fresh_port_ = true;  // it still has its own
  Start({.placement = {}, .beat = milliseconds(100), .missed_beats = 10});
  std::atomic<bool> released{false};
  pool_->at(0).Run([&](sfu::Worker&, Time) {
    while (!released) std::this_thread::sleep_for(milliseconds(1));
  });
  const auto witness = std::make_shared<int>();  // let go of when the worker's queue is
  pool_->at(0).Run([witness](sfu::Worker&, Time) { ADD_FAILURE() << "it goes on with what it was told before"; });
  ASSERT_TRUE(AwaitLosses(1));
  EXPECT_EQ(AskForATransport("t"), "made");
  EXPECT_EQ(witness.use_count(), 2);
  released = true;
  EXPECT_TRUE(loop_.RunUntil([&] { return witness.use_count() == 1; }, kPatience));
}

TEST_F(MediaPoolTest, AnEmptySlotRefusesAndIsFilledOnceAWorkerStarts) {
  Start({.placement = {}, .beat = milliseconds(200), .missed_beats = 100});
  failures_ = 2;
  Kill();
  ASSERT_TRUE(AwaitLosses(1));
  EXPECT_EQ(pool_->running(), 0u);
  EXPECT_EQ(workers_[0], nullptr);
  EXPECT_EQ(AskForATransport("t"), "transport_not_found");
  EXPECT_TRUE(loop_.RunUntil([&] { return pool_->running() == 1; }, kPatience));
  EXPECT_EQ(AskForATransport("t"), "made");
  EXPECT_EQ(losses_, 1);
}

TEST_F(MediaPoolTest, TheFirstStartFailsAloudWhenAPortIsTaken) {
  Start();
  Observer& observer = *this;
  MediaPool second(loop_, metrics_, observer, [this](std::size_t slot, bool, const MediaWorker::Handlers& handlers) {
    MediaWorkerConfig config;
    config.index = slot;
    config.port = port_;
    config.listen = {*SocketAddress::Parse("127.0.0.1", 0)};
    config.certificate = certificate_;
    return MediaWorker::Start(config, loop_, metrics_, taps_, handlers);
  });
  const auto started = second.Start(1);
  ASSERT_FALSE(started.ok());
  EXPECT_NE(started.error().message.find(std::to_string(port_)), std::string::npos) << started.error().message;
}

}  // namespace
}  // namespace jb::services
