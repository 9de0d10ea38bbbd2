// SPDX-License-Identifier: Apache-2.0
#include "scenario/world.h"

#include <algorithm>

#include "crypto/random.h"

namespace jb::scenario {
namespace {

// Keys are slow to make, and one per program is enough.
std::shared_ptr<const crypto::Certificate> SharedCertificate(bool server) {
  static const auto ours = crypto::Certificate::Make();
  static const auto theirs = crypto::Certificate::Make();
  return server ? ours : theirs;
}

}  // namespace

Tuple UdpTuple(std::string_view ip, std::uint16_t port) {
  return {TransportProtocol::kUdp, *SocketAddress::Parse(ip, port), 0};
}

World::World(std::uint64_t seed, sfu::WorkerConfig config)
    : random_(seed),
      client_certificate_(SharedCertificate(false)),
      up_({.latency = 10ms}, 2 * seed),
      down_({.latency = 10ms}, 2 * seed + 1) {
  if (!config.certificate) config.certificate = SharedCertificate(true);
  if (config.announced.empty()) {
    config.announced = {{*SocketAddress::Parse("192.0.2.1", 40000), TransportProtocol::kUdp},
                        {*SocketAddress::Parse("192.0.2.1", 40000), TransportProtocol::kTcp}};
  }
  config.wall_clock_offset = std::chrono::hours(24 * 365 * 50);
  worker_ = std::make_unique<sfu::Worker>(std::move(config), random_, *this);
}

World::~World() = default;

void World::SendDatagram(const Tuple& to, ByteView datagram) {
  if (swallow) return;
  bytes_to[to] += datagram.size();
  if (lose_down(to, datagram)) return;
  const auto own = links_.find(to);
  if (own != links_.end()) {
    own->second.down->Send(to, datagram, now_);
  } else {
    down_.Send(to, datagram, now_);
  }
}

void World::SendToWorker(const Tuple& from, ByteView datagram) {
  if (lose_up(from, datagram)) return;
  const auto own = links_.find(from);
  if (own != links_.end()) {
    own->second.up->Send(from, datagram, now_);
  } else {
    up_.Send(from, datagram, now_);
  }
}

void World::HandleTappedPacket(const ProducerId& producer, const sfu::TappedPacket& packet) {
  tapped.push_back({producer, packet, Bytes(packet.payload.begin(), packet.payload.end())});
}

void World::Deliver() {
  while (auto arrived = up_.Poll(now_)) DeliverUp(*arrived);
  for (auto& [at, link] : links_) {
    while (auto arrived = link.up->Poll(now_)) DeliverUp(*arrived);
  }
  while (auto arrived = down_.Poll(now_)) DeliverDown(*arrived);
  for (auto& [at, link] : links_) {
    while (auto arrived = link.down->Poll(now_)) DeliverDown(*arrived);
  }
}

void World::DeliverDown(testing::Netem::Datagram& datagram) {
  const auto found = endpoints_.find(datagram.tuple);
  if (found != endpoints_.end()) found->second->HandleDatagram(datagram.tuple, datagram.bytes, now_);
}

Time World::NextEvent() const {
  Time next = std::min(up_.NextDeadline().value_or(kNever), down_.NextDeadline().value_or(kNever));
  for (const auto& [at, link] : links_) {
    for (const testing::SharedLink* one : {link.up, link.down}) next = std::min(next, one->NextDeadline().value_or(kNever));
  }
  if (const auto at = worker_->NextDeadline()) next = std::min(next, *at);
  for (const Endpoint* endpoint : timed_) {
    if (const auto at = endpoint->NextDeadline()) next = std::min(next, *at);
  }
  return next;
}

void World::Step(Time at) {
  now_ = std::max(now_, at);
  Deliver();
  if (const auto due = worker_->NextDeadline(); due && *due <= now_) worker_->HandleTimeout(now_);
  for (std::size_t i = 0; i < timed_.size(); ++i) {
    if (const auto due = timed_[i]->NextDeadline(); due && *due <= now_) timed_[i]->HandleTimeout(now_);
  }
}

void World::Run(Duration span) {
  const Time end = now_ + span;
  for (Time next = NextEvent(); next <= end; next = NextEvent()) Step(next);
  now_ = end;
}

bool World::RunUntil(const std::function<bool()>& holds, Duration limit) {
  const Time end = now_ + limit;
  while (!holds()) {
    const Time next = NextEvent();
    if (next > end) {
      now_ = end;
      return holds();
    }
    Step(next);
  }
  return true;
}

std::optional<sfu::TransportState> World::LastStateOf(const TransportId& id) const {
  std::optional<sfu::TransportState> last;
  for (const auto& event : EventsOf<sfu::TransportStateChanged>()) {
    if (event.transport == id) last = event.state;
  }
  return last;
}

}  // namespace jb::scenario
