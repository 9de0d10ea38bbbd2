// SPDX-License-Identifier: Apache-2.0
// The course of a load; its report is in load_report.cc, its churn in load_churn.cc.
#include "client/load_run.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "client/load_slot.h"
#include "client/load_target.h"
#include "io/clock.h"

namespace jb::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kPoolPackets = 65'536;       // kept to answer NACKs from: 100 MB at most
constexpr Duration kReadyLimit = seconds(30);      // after the last began to join
constexpr Duration kSettle = seconds(1);           // for the first key frames and reports
constexpr Duration kDrain = milliseconds(700);     // for what is under way, retransmissions included
constexpr Duration kGoodbye = milliseconds(300);   // for the last datagrams and the WebSockets' close
constexpr Duration kLongestWait = seconds(30);     // for a Retry-After
constexpr std::uint32_t kStreamsPerClient = 8;     // numbers for stamps

// Of its own for this load, so that clients need not read the machine's addresses for each candidate again.
std::function<bool(const SocketAddress&)> OnlyThisMachine() {
  auto known = std::make_shared<std::map<std::array<std::uint8_t, 16>, bool>>();
  return [known](const SocketAddress& address) {
    const auto [entry, is_new] = known->try_emplace(address.ip, false);
    if (is_new) entry->second = IsOfThisMachine(address);
    return entry->second;
  };
}

std::map<LoadKind, std::shared_ptr<const MediaTrace>> TracesOf(const LoadOptions& options, const MediaTrace& recorded) {
  std::map<LoadKind, std::shared_ptr<const MediaTrace>> out;
  MediaTrace audio = recorded;
  if (options.kind == LoadKind::kAudio) ReshapeAudio(audio, options.shape);
  out[LoadKind::kAudio] = std::make_shared<const MediaTrace>(std::move(audio));
  if (options.kind == LoadKind::kAudio) return out;
  MediaTrace video = recorded;
  if (options.kind == LoadKind::kVideo) video.encodings.erase(video.encodings.begin(), video.encodings.end() - 1);
  ReshapeVideo(video, options.shape);
  out[options.kind] = std::make_shared<const MediaTrace>(std::move(video));
  return out;
}

// RFC 9110 section 10.2.3, in seconds; the date form is not used by what we talk to.
Duration RetryAfter(const io::HttpResponse& response) {
  const std::string_view text = response.headers["Retry-After"];
  unsigned value = 1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return std::min<Duration>(seconds(std::max(value, 1u)), kLongestWait);
}

}  // namespace

LoadRun::LoadRun(io::Loop& loop, LoadOptions options, const MediaTrace& trace)
    : loop_(loop),
      options_(std::move(options)),
      traces_(TracesOf(options_, trace)),
      choices_(options_.seed),
      acts_(~options_.seed),
      pool_(kPoolPackets),
      sockets_(loop),
      context_{.loop = loop,
               .sockets = sockets_,
               .random = random_,
               .choices = choices_,
               .pool = pool_,
               .tally = tally_,
               .certificate = crypto::Certificate::Make(),
               .url = options_.url,
               .accept_any_certificate = options_.accept_any_certificate,
               .run = random_.U32(),
               .may_send_to = OnlyThisMachine()},
      http_(loop, {.accept_any_certificate = options_.accept_any_certificate}),
      wheel_(io::Now()),
      wheel_timer_(loop),
      phase_timer_(loop),
      second_timer_(loop),
      churn_timer_(loop),
      join_timer_(loop) {}

LoadRun::~LoadRun() = default;

void LoadRun::Start() {
  if (!options_.room.empty()) {
    for (std::size_t i = 0; i < options_.rooms; ++i) {
      rooms_.push_back(options_.rooms == 1 ? options_.room : options_.room + "-" + std::to_string(i + 1));
    }
    return StartJoins();
  }
  MakeRoom();
}

void LoadRun::MakeRoom() {
  std::string base = options_.url;
  while (base.ends_with('/')) base.pop_back();
  io::HttpClientRequest request;
  request.method = "POST";
  request.url = base + "/api/v1/rooms";
  request.headers.Set("Content-Type", "application/json");
  request.body = json::serialize(json::object{{"name", "load"}, {"maxParticipants", options_.participants}});
  http_.Send(std::move(request), [this](Result<io::HttpResponse> answer) { HandleRoom(std::move(answer)); });
}

void LoadRun::HandleRoom(Result<io::HttpResponse> answer) {
  if (phase_ != Phase::kRooms) return;
  if (answer.ok() && answer->status == 429) {
    phase_timer_.StartIn(RetryAfter(*answer), [this] { MakeRoom(); });
    return;
  }
  const auto body = answer.ok() ? ParseJson(answer->bytes()) : Result<json::value, JsonError>(json::value());
  const auto code = body.ok() ? GetString(*body, "code") : std::nullopt;
  if (!code) {
    error_ = answer.ok() ? Error{"no_room", "the server made no room: HTTP " + std::to_string(answer->status)}
                         : answer.error();
    phase_ = Phase::kDone;
    return;
  }
  rooms_.emplace_back(*code);
  rooms_.size() < options_.rooms ? MakeRoom() : StartJoins();
}

void LoadRun::StartJoins() {
  phase_ = Phase::kJoining;
  joins_began_ = io::Now();
  // Room by room, the publishers first: whoever comes later finds something to receive.
  for (const std::string& room : rooms_) {
    for (std::size_t i = 0; i < options_.participants; ++i) {
      auto slot = std::make_unique<Slot>();
      slot->room = room;
      slot->publishes = i < options_.publishers;
      slots_.push_back(std::move(slot));
    }
  }
  second_timer_.StartIn(seconds(1), [this] { EverySecond(); });
  JoinNext();
}

void LoadRun::JoinNext() {
  if (phase_ != Phase::kJoining || next_join_ == slots_.size()) return;
  StartClient(next_join_++);
  const Duration step(static_cast<std::int64_t>(1e6 / options_.ramp));
  // By the clock, so that a late timer does not slow the ramp.
  join_timer_.StartAt(joins_began_ + step * static_cast<std::int64_t>(next_join_), [this] { JoinNext(); });
}

void LoadRun::StartClient(std::size_t index) {
  Slot& slot = *slots_[index];
  LoadClientOptions options{.room = slot.room,
                            .name = "load " + std::to_string(index + 1),
                            .publish = {},
                            .traces = traces_,
                            .first_stream = static_cast<std::uint32_t>(index) * kStreamsPerClient};
  if (slot.publishes) {
    options.publish.push_back(options_.kind);
    if (options_.with_audio && options_.kind != LoadKind::kAudio) options.publish.push_back(LoadKind::kAudio);
  }
  slot.scheduled_at = kNever;
  slot.client = std::make_unique<LoadClient>(
      context_, std::move(options),
      LoadClient::Handlers{.on_deadline = [this, index] { Schedule(index); },
                           .on_ended = [this, index](const Error& reason) { HandleEnded(index, reason); }});
  slot.client->Start(io::Now());
}

void LoadRun::HandleEnded(std::size_t, const Error& reason) {
  ++failed_;
  if (!error_) error_ = reason;
}

void LoadRun::Schedule(std::size_t index) {
  Slot& slot = *slots_[index];
  if (!slot.client) return;
  const Time at = slot.client->NextDeadline();
  if (at >= slot.scheduled_at) return;
  slot.scheduled_at = at;
  wheel_.Schedule(static_cast<TimerWheel::Id>(index), at);
  if (at < wheel_armed_for_) ArmWheel();
}

void LoadRun::ArmWheel() {
  const auto next = wheel_.NextDeadline();
  wheel_armed_for_ = next.value_or(kNever);
  if (next) wheel_timer_.StartAt(*next, [this] { RunWheel(); });
}

void LoadRun::RunWheel() {
  wheel_armed_for_ = Time{};  // no arming by what happens meanwhile
  const Time now = io::Now();
  wheel_.Advance(now, [&](TimerWheel::Id id) {
    Slot& slot = *slots_[id];
    slot.scheduled_at = kNever;
    if (!slot.client) return;
    slot.client->HandleTimeout(now);
    Schedule(id);
  });
  ArmWheel();
}

void LoadRun::EverySecond() {
  const Time now = io::Now();
  if (phase_ == Phase::kJoining) CheckWhetherAllReady(now);
  if (phase_ == Phase::kMeasuring) {
    FindStuck(now);
    if (!options_.server_pids.empty()) server_rss_kb_.push_back(SampleServer().rss_kb);
  }
  if (phase_ < Phase::kLeaving) second_timer_.StartIn(seconds(1), [this] { EverySecond(); });
}

void LoadRun::CheckWhetherAllReady(Time now) {
  if (next_join_ < slots_.size() || all_ready_at_ != kNever) return;
  Time last_ready{}, last_begun{};
  bool all = true;
  for (const auto& slot : slots_) {
    last_begun = std::max(last_begun, slot->client->started_at());
    if (slot->client->ended()) continue;
    all = all && slot->client->ready();
    if (slot->client->ready()) last_ready = std::max(last_ready, slot->client->ready_at());
  }
  if (!all && now - last_begun < kReadyLimit) return;
  if (!all && !error_) error_ = Error{"join_timeout", "not everybody was ready in time"};
  all_ready_at_ = last_ready;
  phase_timer_.StartIn(kSettle, [this] { BeginWindow(io::Now()); });
}

void LoadRun::BeginWindow(Time now) {
  phase_ = Phase::kMeasuring;
  window_began_ = now;
  tally_.window_from = io::WallNow();
  for (const auto& slot : slots_) {
    for (auto& published : slot->client->published()) {
      published.track->SetWindow(tally_.window_from, WallTime::max());
    }
  }
  server_at_begin_ = server_at_end_ = SampleServer();
  self_at_begin_ = self_at_end_ = SampleSelf();
  phase_timer_.StartIn(options_.duration, [this] { EndWindow(io::Now()); });
  if (options_.churn > 0) Act();
}

void LoadRun::Interrupt() {
  if (std::exchange(interrupted_, true)) return;
  if (phase_ == Phase::kMeasuring) return EndWindow(io::Now());
  if (phase_ < Phase::kDraining) LeaveAll();
}

void LoadRun::EndWindow(Time now) {
  if (phase_ != Phase::kMeasuring) return;
  FindStuck(now);
  phase_ = Phase::kDraining;
  window_ended_ = now;
  tally_.window_to = io::WallNow();
  server_at_end_ = SampleServer();
  self_at_end_ = SampleSelf();
  for (const auto& slot : slots_) {
    for (auto& published : slot->client->published()) {
      published.track->SetWindow(tally_.window_from, tally_.window_to);
      published.track->SetMuted(true, now);
    }
  }
  phase_timer_.StartIn(kDrain, [this] { LeaveAll(); });
}

void LoadRun::LeaveAll() {
  phase_ = Phase::kLeaving;
  CountExpected();
  for (const auto& slot : slots_) {
    if (!slot->client) continue;
    Keep(*slot);
    slot->client->Leave();
  }
  phase_timer_.StartIn(kGoodbye, [this] { phase_ = Phase::kDone; });
}

// Its counts outlive the client.
void LoadRun::Keep(const Slot& slot) {
  const LoadClient& client = *slot.client;
  if (client.ready()) join_times_.push_back(client.ready_at() - client.started_at());
  if (const auto first = client.first_packet_at()) first_packet_times_.push_back(*first - client.started_at());
  for (const auto& published : client.published()) {
    const TraceTrack::Counters& c = published.track->counters();
    kept_sent_.packets += c.packets;
    kept_sent_.bytes += c.bytes;
    kept_sent_.key_frames_asked += c.key_frames_asked;
    kept_sent_.key_frames += c.key_frames;
    kept_sent_.nacked += c.nacked;
    kept_sent_.resent += c.resent;
    kept_sent_.stalls += c.stalls;
    kept_sent_in_window_ += published.track->packets_in_window();
  }
  kept_rejected_ += client.rejected();
  if (client.session() == nullptr) return;
  const ReceiveSession::Counters& r = client.session()->counters();
  kept_received_.received += r.received;
  kept_received_.repaired += r.repaired;
  kept_received_.duplicates += r.duplicates;
  kept_received_.late += r.late;
  kept_received_.unknown += r.unknown;
  kept_received_.nacked += r.nacked;
  kept_received_.key_frames_asked += r.key_frames_asked;
  kept_received_.feedback += r.feedback;
  kept_lost_ += client.session()->packets_lost();
}

LoadRun::ProcessSample LoadRun::SampleServer() const {
  ProcessSample sum;
  for (const pid_t pid : options_.server_pids) {
    const auto usage = io::ReadProcessUsage(pid).value_or(io::ProcessUsage{});
    sum.user += usage.user;
    sum.system += usage.system;
    sum.rss_kb += usage.rss_kb;
    sum.peak_rss_kb += usage.peak_rss_kb;
  }
  return sum;
}

LoadRun::ProcessSample LoadRun::SampleSelf() const {
  const auto usage = io::ReadProcessUsage(getpid()).value_or(io::ProcessUsage{});
  return {usage.user, usage.system, usage.rss_kb, usage.peak_rss_kb};
}

}  // namespace jb::client
