// SPDX-License-Identifier: Apache-2.0
#include "hostile/attack.h"

#include <algorithm>
#include <utility>

#include "base/result.h"
#include "hostile/forgeries.h"
#include "io/clock.h"

namespace jb::hostile {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kJoinLimit = seconds(20);
constexpr Duration kAnswerLimit = seconds(5);
constexpr Duration kListen = milliseconds(500);  // for late answers
constexpr Duration kStep = milliseconds(1);
constexpr int kOfEachKind = 8;             // strangers
constexpr std::size_t kForged = 64;        // different datagrams of one
constexpr std::size_t kFragment = 60;      // bytes: a ClientHello in four or five
constexpr std::uint32_t kInsideOneIn = 4;  // volleys

struct InsideKind {
  const char* name;
  void (Insider::*act)();
};
constexpr InsideKind kInside[] = {
    {"insideFasterThanAnnounced", &Insider::SendHonest}, {"insideReplayed", &Insider::Replay},
    {"insideTruncated", &Insider::SendTruncated},        {"insideOtherSsrc", &Insider::SendFromOtherSsrc},
    {"insideOtherMid", &Insider::SendWithOtherMid},      {"insideRtcp", &Insider::FloodRtcp},
};

template <class Make>
std::vector<Bytes> Forge(Make make) {
  std::vector<Bytes> out;
  for (std::size_t i = 0; i < kForged; ++i) out.push_back(make());
  return out;
}

}  // namespace

Attack::Attack(io::Loop& loop, std::string url, std::string room)
    : loop_(loop), sockets_(loop), insider_(loop, sockets_, random_, std::move(url), std::move(room)), timer_(loop) {}

Status<> Attack::Prepare() {
  insider_.Start();
  loop_.RunUntil([&] { return insider_.ready() || !insider_.error().empty(); }, kJoinLimit);
  if (!insider_.error().empty()) return Fail("refused", insider_.error());
  if (!insider_.ready()) return Fail("refused", "no media connection");
  for (int i = 0; i < 100; ++i) insider_.SendHonest();  // to be captured, for replays
  if (const auto status = ProveThatAnswersWouldBeSeen(); !status.ok()) return status;
  AddStrangers();
  return kOk;
}

Status<> Attack::ProveThatAnswersWouldBeSeen() {
  Stranger control(sockets_, insider_.server(), "control", {BindingRequest(random_, insider_.ice(), /*nominate=*/false)});
  control.Throw();
  loop_.RunUntil([&] { return control.received() > 0; }, kAnswerLimit);
  if (control.received() == 0) return Fail("no_answer", "a rightful connectivity check was not answered");
  if (control.Amplified()) return Fail("amplified", "the answer to a rightful check is larger than the check");
  return kOk;
}

void Attack::AddStrangers() {
  const client::IceCredentials& ice = insider_.ice();
  const Bytes hello = ClientHello();
  const auto captured = [this] { return insider_.AnyCaptured(); };
  for (int i = 0; i < kOfEachKind; ++i) {
    const auto add = [this](const char* kind, std::vector<Bytes> datagrams) {
      strangers_.emplace_back(sockets_, insider_.server(), kind, std::move(datagrams));
    };
    add("bindingWrongPassword", Forge([&] { return BindingRequest(random_, {ice.ufrag, random_.Id()}, true); }));
    add("bindingUnknownUser", Forge([&] { return BindingRequest(random_, {random_.Id(), random_.Id()}, true); }));
    add("bindingBroken", Forge([&] {
          return WithOneBitChanged(random_, BindingRequest(random_, {ice.ufrag, random_.Id()}, true));
        }));
    add("clientHello", {hello});
    add("clientHelloFragment", Fragments(hello, kFragment));
    add("replayedFromElsewhere", Forge(captured));
    add("truncatedFromElsewhere", Forge([&] { return Truncated(random_, captured()); }));
    add("fakeMedia", Forge([&] { return FakeMedia(random_, random_.Between(0, 1) == 0, random_.Between(16, 1200)); }));
  }
}

void Attack::Run(double per_second, Duration span) {
  per_second_ = per_second;
  began_ = io::Now();
  Step();
  loop_.RunUntil([] { return false; }, span);
  timer_.Cancel();
  took_ = io::Now() - began_;
  loop_.RunUntil([] { return false; }, kListen);
  insider_.Leave();
  loop_.RunUntil([] { return false; }, kListen);
}

// As many as the clock says are due: a late timer lowers no rate, but a machine that cannot keep up is not chased.
void Attack::Step() {
  const auto due = static_cast<std::uint64_t>(ToSeconds(io::Now() - began_) * per_second_);
  const auto most = static_cast<std::uint64_t>(per_second_ / 20);
  if (due > sent_ + skipped_ + most) skipped_ = due - sent_ - most;
  while (sent_ + skipped_ < due) {
    if (random_.Between(1, kInsideOneIn) == 1) {
      ThrowFromInside();
    } else {
      strangers_[next_stranger_++ % strangers_.size()].Throw();
    }
    sent_ += Stranger::kVolley;
  }
  timer_.StartIn(kStep, [this] { Step(); });
}

void Attack::ThrowFromInside() {
  const InsideKind& kind = kInside[random_.Between(0, std::size(kInside) - 1)];
  for (std::size_t i = 0; i < Stranger::kVolley; ++i) (insider_.*kind.act)();
  inside_[kind.name] += Stranger::kVolley;
}

bool Attack::Amplified() const {
  return std::any_of(strangers_.begin(), strangers_.end(), [](const Stranger& s) { return s.Amplified(); });
}

json::object Attack::Report() const {
  std::map<std::string, std::uint64_t, std::less<>> by_kind = inside_;
  std::uint64_t out = 0, in = 0, answers = 0;
  for (const Stranger& s : strangers_) {
    by_kind[s.kind()] += s.sent();
    out += s.bytes_sent();
    in += s.bytes_received();
    answers += s.received();
  }
  json::object kinds;
  for (const auto& [name, count] : by_kind) kinds[name] = count;
  return {{"sent", sent_},
          {"perSecond", static_cast<double>(sent_) / ToSeconds(took_)},
          {"byKind", std::move(kinds)},
          {"strangers", {{"bytesSent", out}, {"bytesReceived", in}, {"datagramsReceived", answers}}},
          {"amplified", Amplified()}};
}

}  // namespace jb::hostile
