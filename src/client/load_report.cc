// SPDX-License-Identifier: Apache-2.0
// The report of a load. docs/load.md explains each figure.
#include <algorithm>
#include <cmath>

#include "client/load_slot.h"

namespace jb::client {
namespace {

const char* NameOf(LoadKind kind) {
  switch (kind) {
    case LoadKind::kAudio: return "audio";
    case LoadKind::kVideo: return "video";
    case LoadKind::kSimulcast: return "simulcast";
  }
  return "";
}

// Nearest rank, in milliseconds.
json::object QuantilesMs(std::vector<Duration> values) {
  std::sort(values.begin(), values.end());
  const auto at = [&](double q) -> json::value {
    if (values.empty()) return nullptr;
    const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size())));
    return ToSeconds(values[std::max<std::size_t>(rank, 1) - 1]) * 1000;
  };
  return {{"count", values.size()}, {"p50", at(0.50)}, {"p99", at(0.99)}, {"max", at(1.0)}};
}

// A Time is CLOCK_MONOTONIC, which all processes of a machine share.
double SinceBootMs(Time at) { return ToSeconds(at.time_since_epoch()) * 1000; }

double Ratio(double a, double b) { return b > 0 ? a / b : 0; }

}  // namespace

void LoadRun::CountExpected() {
  std::map<std::string, std::uint64_t, std::less<>> sent;  // by producer, in the window
  for (const auto& slot : slots_) {
    if (!slot->client) continue;
    for (const auto& published : slot->client->published()) {
      sent[published.producer] = published.track->packets_in_window();
    }
  }
  std::uint64_t expected = 0;
  for (const auto& slot : slots_) {
    if (!slot->client) continue;
    for (const auto& [ssrc, received] : slot->client->received()) {
      const auto producer = sent.find(received.info.producer_id);
      if (producer == sent.end()) continue;  // of somebody else in the room
      ++consumers_;
      if (received.in_window == 0) ++silent_consumers_;
      expected += producer->second;
    }
  }
  if (options_.churn == 0 && options_.kind != LoadKind::kSimulcast) packets_expected_ = expected;
}

bool LoadRun::succeeded() const {
  const bool flowed = tally_.received > 0 && (options_.churn > 0 || silent_consumers_ == 0) && stuck_now_ == 0;
  return !error_ && failed_ == 0 && next_join_ == slots_.size() && flowed;
}

json::object LoadRun::JoinReport() const {
  const double took = all_ready_at_ == kNever ? 0 : ToSeconds(all_ready_at_ - joins_began_);
  return {{"joined", join_times_.size()},
          {"failed", failed_},
          {"joinsPerSecond", Ratio(static_cast<double>(slots_.size()), took)},
          {"readyMs", QuantilesMs(join_times_)},
          {"firstPacketMs", QuantilesMs(first_packet_times_)}};
}

json::object LoadRun::MediaReport() const {
  const auto us = [&](double q) { return tally_.delay.Quantile(q).count(); };
  const double seconds = ToSeconds(window_ended_ - window_began_);
  json::object out{{"packetsSent", kept_sent_in_window_},
                   {"packetsReceived", tally_.received},
                   {"payloadBytesReceived", tally_.bytes},
                   {"packetsPerSecond", Ratio(static_cast<double>(tally_.received), seconds)},
                   {"consumers", consumers_},
                   {"silentConsumers", silent_consumers_},
                   {"stuckStreams", stuck_.size()},
                   {"stuckAtEnd", stuck_now_},
                   {"misordered", tally_.misordered},
                   {"decryptedShare", 1.0},
                   {"inspectedShare", Ratio(static_cast<double>(tally_.inspected), static_cast<double>(tally_.received))},
                   {"corrupted", tally_.corrupted},
                   {"foreign", tally_.foreign},
                   {"forwardDelayUs",
                    json::object{{"count", tally_.delay.count()},
                                 {"p50", us(0.50)},
                                 {"p99", us(0.99)},
                                 {"p999", us(0.999)},
                                 {"max", tally_.delay.max().count()}}}};
  out["packetsExpected"] = packets_expected_ ? json::value(*packets_expected_) : json::value(nullptr);
  if (packets_expected_) {
    const auto missing = static_cast<double>(*packets_expected_) - static_cast<double>(tally_.received);
    out["packetsMissing"] = static_cast<std::int64_t>(missing);
    out["lossPercent"] = 100 * Ratio(missing, static_cast<double>(*packets_expected_));
  } else {
    const auto received = static_cast<double>(kept_received_.received);
    const auto lost = static_cast<double>(std::max<std::int64_t>(kept_lost_, 0)) -
                      static_cast<double>(kept_received_.repaired);
    out["lossPercent"] = 100 * Ratio(std::max(lost, 0.0), received + std::max(lost, 0.0));
  }
  return out;
}

json::object LoadRun::ServerReport() const {
  const auto packets = static_cast<double>(tally_.received);
  const Duration user = server_at_end_.user - server_at_begin_.user;
  const Duration system = server_at_end_.system - server_at_begin_.system;
  json::array rss;
  for (const std::size_t kb : server_rss_kb_) rss.push_back(kb);
  return {{"userSeconds", ToSeconds(user)},
          {"systemSeconds", ToSeconds(system)},
          {"userUsPerPacket", Ratio(ToSeconds(user) * 1e6, packets)},
          {"systemUsPerPacket", Ratio(ToSeconds(system) * 1e6, packets)},
          {"peakRssKb", server_at_end_.peak_rss_kb},
          {"rssKb", std::move(rss)}};
}

json::object LoadRun::ClientReport() const {
  const auto packets = static_cast<double>(tally_.received + kept_sent_in_window_);
  const Duration user = self_at_end_.user - self_at_begin_.user;
  const Duration system = self_at_end_.system - self_at_begin_.system;
  const double seconds = ToSeconds(window_ended_ - window_began_);
  return {{"userSeconds", ToSeconds(user)},
          {"systemSeconds", ToSeconds(system)},
          {"cpuPercent", 100 * Ratio(ToSeconds(user + system), seconds)},
          {"usPerPacket", Ratio(ToSeconds(user + system) * 1e6, packets)},
          {"sendStalls", kept_sent_.stalls},
          {"peakRssKb", self_at_end_.peak_rss_kb}};
}

json::object LoadRun::Report() const {
  json::object recovery{{"lostOnTheWire", kept_lost_},
                        {"nacked", kept_received_.nacked},
                        {"repaired", kept_received_.repaired},
                        {"duplicates", kept_received_.duplicates},
                        {"late", kept_received_.late},
                        {"probes", kept_received_.unknown},
                        {"keyFramesAskedByReceivers", kept_received_.key_frames_asked},
                        {"feedbackSent", kept_received_.feedback},
                        {"nacksToSenders", kept_sent_.nacked},
                        {"resentBySenders", kept_sent_.resent},
                        {"keyFramesAskedOfSenders", kept_sent_.key_frames_asked},
                        {"keyFrames", kept_sent_.key_frames},
                        {"srtpRejected", kept_rejected_}};
  json::object churn{{"joins", churn_.joins},     {"leaves", churn_.leaves},   {"mutes", churn_.mutes},
                     {"unmutes", churn_.unmutes}, {"pauses", churn_.pauses},   {"resumes", churn_.resumes},
                     {"layers", churn_.layers},   {"keyFrames", churn_.key_frames}};
  json::object out{{"kind", NameOf(options_.kind)},
                   {"rooms", rooms_.size()},
                   {"participants", slots_.size()},
                   {"publishers", std::min(options_.publishers, options_.participants) * rooms_.size()},
                   {"seed", options_.seed},
                   {"durationSeconds", ToSeconds(window_ended_ - window_began_)},
                   {"windowMs", json::array{SinceBootMs(window_began_), SinceBootMs(window_ended_)}}};
  for (json::object part : {JoinReport(), MediaReport()}) {
    for (auto& entry : part) out[entry.key()] = std::move(entry.value());
  }
  out["recovery"] = std::move(recovery);
  if (options_.churn > 0) out["churn"] = std::move(churn);
  out["client"] = ClientReport();
  if (!options_.server_pids.empty()) out["server"] = ServerReport();
  if (error_) out["error"] = json::object{{"code", error_->code}, {"message", error_->message}};
  return out;
}

}  // namespace jb::client
