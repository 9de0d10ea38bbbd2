// SPDX-License-Identifier: Apache-2.0
// One media loop: a thread, its UDP and TCP sockets on one port, and the sfu::Worker behind them.
// The control loop sends it commands and gets answers and events back; the interpreter loop gets the
// tapped packets and injects translated ones. Everything crosses by value. A bug that throws ends its loop and
// nothing else; MediaPool puts another worker in its place.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mailbox.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/socket_address.h"
#include "base/strong.h"
#include "io/loop.h"
#include "services/gateway/pipe_ports.h"
#include "sfu/worker.h"

namespace jb::services {

// A packet of somebody's microphone on its way to the interpreter.
struct TappedFrame {
  static constexpr std::size_t kMaxId = 36;         // ours have 32 hexadecimal digits
  static constexpr std::size_t kMaxPayload = 1276;  // RFC 6716 section 3.4: one Opus frame and its TOC
  TappedFrame() {}                                  // leaves the arrays as they are: NOLINT

  ProducerId producer() const { return ProducerId(std::string(id.data(), id_size)); }

  // Held in place: the media loop allocates nothing per packet.
  std::array<char, kMaxId> id;
  std::uint8_t id_size = 0;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::optional<std::int8_t> level_dbov;
  Time arrival{};
  std::uint16_t size = 0;
  std::array<std::uint8_t, kMaxPayload> payload;
};
// Full: the packet is dropped and counted, the jitter buffer conceals it.
using TapMailbox = Mailbox<TappedFrame>;

// A packet of a translated voice on its way to the listeners.
struct InjectedFrame {
  ProducerId producer;
  std::uint32_t timestamp = 0;
  bool marker = false;
  std::int8_t level_dbov = -127;
  bool voice = false;
  Bytes opus;
};

struct MediaWorkerConfig {
  std::size_t index = 0;
  std::uint16_t port = 0;               // both UDP and TCP
  std::vector<SocketAddress> listen;    // addresses to bind; their port is ignored
  std::vector<SocketAddress> announce;  // addresses told to clients; their port is ignored
  std::shared_ptr<const crypto::Certificate> certificate;
};

class MediaWorker {
 public:
  // Both run on the control loop, and never once the worker was destroyed or let go.
  struct Handlers {
    std::function<void(std::size_t worker, const sfu::WorkerEvent&)> on_event;
    // An exception that nothing caught has ended the loop; once. The worker is good for nothing more.
    std::function<void(std::size_t worker, const std::string& what)> on_death;
  };

  // Starts the thread and binds the port; an error names the address that is taken. `control`,
  // `metrics` and `taps` outlive the worker.
  static Result<std::unique_ptr<MediaWorker>> Start(const MediaWorkerConfig& config, io::Loop& control,
                                                    Metrics& metrics, TapMailbox& taps, Handlers handlers);
  virtual ~MediaWorker() = default;

  // Control loop: runs `work` on the media loop and `reply` with its result back on the control loop. When
  // the worker ends before it has answered, `reply` is given transport_not_found. R is a Result.
  template <class R>
  void Call(std::function<R(sfu::Worker&, Time)> work, std::function<void(R)> reply) {
    const std::uint64_t call = ++calls_;
    waiting_.emplace(call, [reply](const Error& error) { reply(R(Fail(error))); });
    Run([this, call, work = std::move(work), reply = std::move(reply)](sfu::Worker& worker, Time now) {
      Answer([this, call, reply, result = std::make_shared<R>(work(worker, now))] {
        if (waiting_.erase(call) != 0) reply(std::move(*result));
      });
    });
  }
  // Control loop: without an answer.
  virtual void Run(std::function<void(sfu::Worker&, Time)> work) = 0;
  // Control loop: answers for the worker what it has not, in the order it was asked, because it never will.
  void FailCalls();
  // Control loop: the loop does not come back from what it is doing. Nothing is heard of it any more, and it
  // ends when it does come back; until Ended() this object cannot be destroyed.
  virtual void LetGo() {}
  // Any thread: no code of the media loop runs any more.
  virtual bool Ended() const { return false; }

  // Interpreter loop. False: the box is full and the frame is dropped.
  virtual bool Inject(InjectedFrame frame) = 0;
  // Control loop. The rings to and from another worker, see pipe_ports.h; `signal` is the other's.
  virtual void ConnectPipeOut(sfu::WorkerIndex, std::shared_ptr<PipeRing>, std::shared_ptr<io::Wakeup::Signal>) {}
  virtual void ConnectPipeIn(sfu::WorkerIndex, std::shared_ptr<PipeRing>) {}
  virtual std::shared_ptr<io::Wakeup::Signal> pipe_signal() const { return nullptr; }
  // Any thread; a constant of the program.
  virtual const json::object& router_rtp_capabilities() const = 0;
  // Control loop: what its thread has used of a processor.
  virtual Duration CpuTime() { return {}; }

 protected:
  virtual void Answer(std::function<void()> fn) = 0;

 private:
  // Control loop only.
  std::uint64_t calls_ = 0;
  std::map<std::uint64_t, std::function<void(const Error&)>> waiting_;  // not answered yet
};

}  // namespace jb::services
