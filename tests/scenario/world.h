// SPDX-License-Identifier: Apache-2.0
// One SFU worker and some clients in virtual time, on a simulated network of two directions. What leaves the
// worker is counted by destination. Nothing sleeps; the same seed gives the same run.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "crypto/certificate.h"
#include "sfu/worker.h"
#include "testing/netem.h"
#include "testing/shared_link.h"
#include "testing/seeded_random.h"

namespace jb::scenario {

using namespace std::chrono_literals;

// Whoever sits at an address.
class Endpoint {
 public:
  virtual ~Endpoint() = default;
  virtual void HandleDatagram(const Tuple& at, ByteSpan datagram, Time now) = 0;
  virtual void HandleTimeout(Time now) = 0;
  virtual std::optional<Time> NextDeadline() const = 0;
};

Tuple UdpTuple(std::string_view ip, std::uint16_t port);

class World : public sfu::WorkerOutput {
 public:
  explicit World(std::uint64_t seed = 1, sfu::WorkerConfig config = {});
  ~World() override;

  Time now() const { return now_; }
  sfu::Worker& worker() { return *worker_; }
  Random& random() { return random_; }
  const std::shared_ptr<const crypto::Certificate>& client_certificate() const { return client_certificate_; }

  void Attach(const Tuple& at, Endpoint& endpoint) { endpoints_[at] = &endpoint; }
  void Detach(const Tuple& at) { endpoints_.erase(at); }
  void AddTimed(Endpoint& endpoint) { timed_.push_back(&endpoint); }
  void RemoveTimed(Endpoint& endpoint) { std::erase(timed_, &endpoint); }

  // From a client (or a stranger pretending to be at `from`).
  void SendToWorker(const Tuple& from, ByteView datagram);
  void Run(Duration span);
  // Until it holds, at most `limit`; says whether it does.
  bool RunUntil(const std::function<bool()>& holds, Duration limit);

  // Both directions, from now on.
  void set_network(const testing::NetemProfile& profile) {
    up_.set_profile(profile);
    down_.set_profile(profile);
  }
  // Whoever sits there is behind a link of its own from now on, which its owner keeps: `up` towards the worker.
  void SetLink(const Tuple& at, testing::SharedLink& up, testing::SharedLink& down) { links_[at] = {&up, &down}; }
  void RemoveLink(const Tuple& at) { links_.erase(at); }
  // What befalls single datagrams besides. Return true to lose one.
  std::function<bool(const Tuple&, ByteView)> lose_up = [](const Tuple&, ByteView) { return false; };
  std::function<bool(const Tuple&, ByteView)> lose_down = [](const Tuple&, ByteView) { return false; };
  // What goes to another worker.
  std::function<void(sfu::WorkerIndex, const sfu::PipeMessage&)> on_pipe;
  bool swallow = false;  // output is counted by the worker only

  // What the worker did.
  std::vector<sfu::WorkerEvent> events;
  struct Tapped {
    ProducerId producer;
    sfu::TappedPacket packet;
    Bytes payload;
  };
  std::vector<Tapped> tapped;
  std::map<Tuple, std::size_t> bytes_to;
  template <class Event>
  std::vector<Event> EventsOf() const {
    std::vector<Event> out;
    for (const auto& event : events) {
      if (const auto* one = std::get_if<Event>(&event)) out.push_back(*one);
    }
    return out;
  }
  std::optional<sfu::TransportState> LastStateOf(const TransportId& id) const;

 private:
  void SendDatagram(const Tuple& to, ByteView datagram) override;
  void HandleEvent(const sfu::WorkerEvent& event) override { events.push_back(event); }
  void HandleTappedPacket(const ProducerId& producer, const sfu::TappedPacket& packet) override;
  void HandlePipeMessage(sfu::WorkerIndex to, const sfu::PipeMessage& message) override {
    if (on_pipe) on_pipe(to, message);
  }
  void Deliver();
  void DeliverUp(testing::Netem::Datagram& datagram) { worker_->HandleDatagram(datagram.tuple, datagram.bytes, now_); }
  void DeliverDown(testing::Netem::Datagram& datagram);
  Time NextEvent() const;
  void Step(Time at);

  Time now_{std::chrono::seconds(1000)};
  testing::SeededRandom random_;
  std::shared_ptr<const crypto::Certificate> client_certificate_;
  std::unique_ptr<sfu::Worker> worker_;
  testing::Netem up_, down_;
  struct OwnLink {
    testing::SharedLink* up = nullptr;
    testing::SharedLink* down = nullptr;
  };
  std::map<Tuple, OwnLink> links_;
  std::map<Tuple, Endpoint*> endpoints_;
  std::vector<Endpoint*> timed_;
};

}  // namespace jb::scenario
