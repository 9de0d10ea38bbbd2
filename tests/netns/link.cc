// SPDX-License-Identifier: Apache-2.0
#include "netns/link.h"

#include <algorithm>
#include <functional>
#include <string_view>

namespace jb::netns {
namespace {

using testing::Netem;
using testing::NetemProfile;

// Enough for five minutes at 3000 packets a second; older ones give way.
constexpr std::size_t kMaxSamples = 900'000;

Duration Milliseconds(double ms) { return Duration(static_cast<std::int64_t>(ms * 1000)); }

// One key of a profile: takes a number.
using Setter = void (*)(NetemProfile&, double);
struct Key {
  std::string_view name;
  Setter set;
};
constexpr Key kKeys[] = {
    {"latencyMs", [](NetemProfile& p, double v) { p.latency = Milliseconds(v); }},
    {"jitterMs", [](NetemProfile& p, double v) { p.jitter = Milliseconds(v); }},
    {"loss", [](NetemProfile& p, double v) { p.loss = v; }},
    {"burstToBad", [](NetemProfile& p, double v) { p.bursts.to_bad = v; }},
    {"burstToGood", [](NetemProfile& p, double v) { p.bursts.to_good = v; }},
    {"burstLoss", [](NetemProfile& p, double v) { p.bursts.loss_bad = v; }},
    {"duplicate", [](NetemProfile& p, double v) { p.duplicate = v; }},
    {"reorder", [](NetemProfile& p, double v) { p.reorder = v; }},
    {"reorderLeadMs", [](NetemProfile& p, double v) { p.reorder_lead = Milliseconds(v); }},
    {"rateBps", [](NetemProfile& p, double v) { p.rate_bps = static_cast<std::uint64_t>(v); }},
    {"maxQueueMs", [](NetemProfile& p, double v) { p.max_queue = Milliseconds(v); }},
    {"maxDatagram", [](NetemProfile& p, double v) { p.max_datagram = static_cast<std::size_t>(v); }},
    {"down", [](NetemProfile& p, double v) { p.down = v != 0; }},
};

double PercentileMs(std::vector<Duration>& samples, double share) {
  if (samples.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(samples.size() - 1));
  std::nth_element(samples.begin(), samples.begin() + at, samples.end());
  return static_cast<double>(samples[static_cast<std::size_t>(at)].count()) / 1000;
}

json::object Refusal(std::string message) { return {{"ok", false}, {"error", std::move(message)}}; }

}  // namespace

Result<NetemProfile> ParseProfile(const json::value& description) {
  if (!description.is_object()) return Fail("bad_profile", "a profile is an object");
  NetemProfile profile;
  for (const auto& [name, value] : description.get_object()) {
    const auto key = std::find_if(std::begin(kKeys), std::end(kKeys), [&](const Key& k) { return k.name == name; });
    if (key == std::end(kKeys)) return Fail("bad_profile", "no such key: " + std::string(name));
    if (!value.is_number()) return Fail("bad_profile", std::string(name) + " is a number");
    key->set(profile, value.to_number<double>());
  }
  return profile;
}

Link::Link(std::uint64_t seed, std::optional<Nat> nat)
    : up_{.netem = Netem({}, seed), .queued = {}, .reported = {}},
      down_{.netem = Netem({}, seed + 1), .queued = {}, .reported = {}},
      nat_(std::move(nat)) {}

bool Link::Passes(Direction direction, Ipv4Packet& packet) {
  if (packet.protocol() == kUdp && !firewall_.udp) return false;
  if (packet.protocol() == kTcp && !firewall_.tcp) return false;
  if (firewall_.ports.empty()) return true;
  if (!packet.has_ports()) return false;
  return firewall_.ports.contains(direction == Direction::kUp ? packet.destination_port() : packet.source_port());
}

void Link::Send(Direction direction, ByteSpan bytes, Time now) {
  auto packet = Ipv4Packet::Parse(bytes);
  if (!packet) return;  // IPv6: these worlds have none
  Lane& to = lane(direction);
  if (!Passes(direction, *packet)) {
    ++to.firewalled;
    return;
  }
  if (nat_ && !(direction == Direction::kUp ? nat_->Outbound(*packet) : nat_->Inbound(*packet))) {
    ++to.firewalled;
    return;
  }
  const Duration wait = to.netem.queueing_delay(now);
  const auto dropped = to.netem.counters().queue_dropped;
  to.netem.Send({}, bytes, now);
  if (to.netem.counters().queue_dropped == dropped && to.queued.size() < kMaxSamples) to.queued.push_back(wait);
}

std::optional<Time> Link::NextDeadline() const {
  const auto up = up_.netem.NextDeadline(), down = down_.netem.NextDeadline();
  if (!up || !down) return up ? up : down;
  return std::min(*up, *down);
}

std::optional<Bytes> Link::Poll(Direction direction, Time now) {
  Lane& from = lane(direction);
  auto datagram = from.netem.Poll(now);
  if (!datagram) return std::nullopt;
  from.bytes += datagram->bytes.size();
  return std::move(datagram->bytes);
}

json::object Link::TakeFigures(Lane& from) {
  const Netem::Counters& now = from.netem.counters();
  Netem::Counters& then = from.reported;
  json::object figures{{"sent", now.sent - then.sent},
                       {"delivered", now.delivered - then.delivered},
                       {"lost", now.lost - then.lost},
                       {"queueDropped", now.queue_dropped - then.queue_dropped},
                       {"firewalled", from.firewalled},
                       {"bytes", from.bytes},
                       {"queueP50Ms", PercentileMs(from.queued, 0.50)},
                       {"queueP95Ms", PercentileMs(from.queued, 0.95)},
                       {"queueMaxMs", PercentileMs(from.queued, 1.0)}};
  then = now;
  from.queued.clear();
  from.bytes = from.firewalled = 0;
  return figures;
}

json::object Link::Shape(const json::value& command) {
  for (const auto& [key, direction] : {std::pair{"up", Direction::kUp}, {"down", Direction::kDown}}) {
    const json::value* description = GetMember(command, key);
    if (!description) continue;
    const auto profile = ParseProfile(*description);
    if (!profile.ok()) return Refusal(profile.error().message);
    lane(direction).netem.set_profile(*profile);
  }
  return {{"ok", true}};
}

json::object Link::SetFirewall(const json::value& command) {
  Firewall wanted{.udp = GetBool(command, "udp").value_or(true), .tcp = GetBool(command, "tcp").value_or(true), .ports = {}};
  if (const json::array* ports = GetArray(command, "ports")) {
    for (const json::value& port : *ports) {
      if (!port.is_int64() || port.get_int64() < 1 || port.get_int64() > 65'535) return Refusal("ports are 1 to 65535");
      wanted.ports.insert(static_cast<std::uint16_t>(port.get_int64()));
    }
  }
  firewall_ = std::move(wanted);
  return {{"ok", true}};
}

json::object Link::Rebind(const json::value& command) {
  if (!nat_) return Refusal("this link has no NAT");
  nat_->Rebind(kUdp);
  if (GetBool(command, "tcp").value_or(false)) nat_->Rebind(kTcp);
  return {{"ok", true}};
}

json::object Link::HandleCommand(const json::value& command) {
  const auto name = GetString(command, "do").value_or("");
  if (name == "shape") return Shape(command);
  if (name == "firewall") return SetFirewall(command);
  if (name == "rebind") return Rebind(command);
  if (name == "figures") return {{"ok", true}, {"up", TakeFigures(up_)}, {"down", TakeFigures(down_)}};
  return Refusal("unknown command");
}

}  // namespace jb::netns
