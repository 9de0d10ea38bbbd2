// SPDX-License-Identifier: Apache-2.0
// For fuzz targets: calls as the gateway makes them, with an SFU core on the same thread and nobody listening.
// Made once per process; what a target does it undoes.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/log.h"
#include "crypto/certificate.h"
#include "services/gateway/calls.h"
#include "testing/seeded_random.h"

namespace jb::services {

// A media worker without sockets and thread. Its answers and events wait for Settle().
class InlineWorker : public MediaWorker, private sfu::WorkerOutput {
 public:
  using OnEvent = std::function<void(const sfu::WorkerEvent&)>;
  explicit InlineWorker(OnEvent on_event) : on_event_(std::move(on_event)) {}

  void Run(std::function<void(sfu::Worker&, Time)> work) override { work(worker_, now_); }
  bool Inject(InjectedFrame) override { return true; }
  const json::object& router_rtp_capabilities() const override { return worker_.RouterRtpCapabilities(); }
  void Settle() {
    for (; !later_.empty(); later_.pop_front()) later_.front()();
  }
  sfu::WorkerStats stats() const { return worker_.stats(); }

 private:
  void Answer(std::function<void()> fn) override { later_.push_back(std::move(fn)); }
  void SendDatagram(const Tuple&, ByteView) override {}
  void HandleEvent(const sfu::WorkerEvent& event) override {
    later_.push_back([this, event] { on_event_(event); });
  }
  void HandleTappedPacket(const ProducerId&, const sfu::TappedPacket&) override {}

  static sfu::WorkerConfig Config() {
    sfu::WorkerConfig config;
    config.certificate = crypto::Certificate::Make();
    return config;
  }

  const OnEvent on_event_;
  const Time now_{std::chrono::seconds(1)};
  testing::SeededRandom random_{1};
  std::deque<std::function<void()>> later_;
  sfu::Worker worker_{Config(), random_, *this};
};

class FuzzCalls {
 public:
  FuzzCalls() {
    SetLog(LogLevel::kError, LogFormat::kText, "fuzz");
    calls_.SetSocketServer(sockets_);
    const auto make = [this](std::size_t, bool, const MediaWorker::Handlers& handlers) {
      auto worker = std::make_unique<InlineWorker>([handlers](const auto& event) { handlers.on_event(0, event); });
      worker_ = worker.get();
      return Result<std::unique_ptr<MediaWorker>>(std::move(worker));
    };
    JB_CHECK(calls_.StartMedia(1, make).ok());
  }

  Calls& calls() { return calls_; }
  Metrics& metrics() { return metrics_; }
  InlineWorker& worker() { return *worker_; }
  // A client that did nothing before: no rate limit holds from one input to the next.
  SocketAddress FreshClient() {
    std::uint8_t ip[4];
    StoreU32(ip, ++clients_);
    return *SocketAddress::FromBytes(ip, 1);
  }
  // Lets everything that was put off happen.
  void Settle() {
    worker_->Settle();
    bool reached = false;
    loop_.Post([&reached] { reached = true; });
    loop_.RunUntil([&reached] { return reached; }, std::chrono::seconds(60));
    worker_->Settle();
  }

 private:
  static CallsConfig Config() {
    CallsConfig config;
    for (auto* url : {&config.speech.stt, &config.speech.translation, &config.speech.tts}) {
      *url = "http://127.0.0.1:1";  // nobody answers there
    }
    return config;
  }

  io::Loop loop_;
  Metrics metrics_;
  Calls calls_{loop_, Config(), metrics_};
  SocketIoServer sockets_{loop_, calls_.random(), {}, calls_};
  InlineWorker* worker_ = nullptr;
  std::uint32_t clients_ = 0;
};

}  // namespace jb::services
