// SPDX-License-Identifier: Apache-2.0
// A load from its first room to its report: makes rooms, lets participants join, measures for a while, lets the last
// packets arrive, and leaves. With churn, participants come and go, mute, pause what they receive and change layers,
// as the seed decides. Loop thread; borrows the loop. docs/load.md explains the figures.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "client/load_client.h"
#include "client/load_tally.h"
#include "client/seeded_choices.h"
#include "client/timer_wheel.h"
#include "crypto/random.h"
#include "io/http_client.h"
#include "io/process_stat.h"

namespace jb::client {

struct LoadOptions {
  std::string url = "http://localhost:3000";
  bool accept_any_certificate = false;
  std::string room;  // of the server already: one room, or with --rooms N the names ROOM-1 … ROOM-N; empty: made by REST
  std::size_t rooms = 1;
  std::size_t participants = 2;  // in each room
  std::size_t publishers = 1;    // of them
  LoadKind kind = LoadKind::kAudio;
  bool with_audio = false;  // publishers of video have a microphone too
  TraceShape shape;         // of the video, or of the sound with kind audio
  std::string trace;        // file; empty: the recording in the program
  Duration duration = std::chrono::seconds(10);
  double ramp = 50;   // participants that begin to join, per second
  double churn = 0;   // acts per second, of all participants together
  std::uint64_t seed = 1;
  std::vector<pid_t> server_pids;  // their processor time and memory are reported
};

class LoadRun {
 public:
  LoadRun(io::Loop& loop, LoadOptions options, const MediaTrace& trace);
  ~LoadRun();
  LoadRun(const LoadRun&) = delete;
  LoadRun& operator=(const LoadRun&) = delete;

  void Start();
  // Ends the measurement early; the report is of what there was.
  void Interrupt();
  bool done() const { return phase_ == Phase::kDone; }
  // All joined and media flowed everywhere it should, to the end.
  bool succeeded() const;
  json::object Report() const;

 private:
  enum class Phase : std::uint8_t { kRooms, kJoining, kMeasuring, kDraining, kLeaving, kDone };
  struct Slot;
  struct ChurnCounters {
    std::uint64_t joins = 0, leaves = 0, mutes = 0, unmutes = 0, pauses = 0, resumes = 0, layers = 0, key_frames = 0;
  };
  struct ProcessSample {
    Duration user{}, system{};
    std::size_t rss_kb = 0, peak_rss_kb = 0;
  };

  void MakeRoom();
  void HandleRoom(Result<io::HttpResponse> answer);
  void StartJoins();
  void JoinNext();
  void StartClient(std::size_t slot);
  void HandleEnded(std::size_t slot, const Error& reason);
  void Schedule(std::size_t slot);
  void RunWheel();
  void ArmWheel();
  void EverySecond();
  void CheckWhetherAllReady(Time now);
  void BeginWindow(Time now);
  void EndWindow(Time now);
  void LeaveAll();
  void FindStuck(Time now);
  template <class Fn>
  void ForEachStuck(Time now, Fn&& fn) const;
  void Act();
  void ActOn(Slot& slot, std::uint32_t dice);
  void LeaveAndRejoin(std::size_t slot);
  void Keep(const Slot& slot);
  void CountExpected();
  ProcessSample SampleServer() const;
  ProcessSample SampleSelf() const;

  json::object JoinReport() const;
  json::object MediaReport() const;
  json::object ServerReport() const;
  json::object ClientReport() const;

  io::Loop& loop_;
  const LoadOptions options_;
  std::map<LoadKind, std::shared_ptr<const MediaTrace>> traces_;
  crypto::SystemRandom random_;
  SeededChoices choices_;
  SeededChoices acts_;  // of churn, apart from what tracks choose
  media::PacketPool pool_;
  LoadTally tally_;
  io::UdpFleet sockets_;
  LoadContext context_;
  io::HttpClient http_;

  Phase phase_ = Phase::kRooms;
  std::vector<std::string> rooms_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<std::unique_ptr<LoadClient>> gone_;  // left; their last datagrams and callbacks are under way
  std::size_t next_join_ = 0;
  Time joins_began_{}, all_ready_at_ = kNever, window_began_{}, window_ended_{};
  TimerWheel wheel_;
  io::Timer wheel_timer_, phase_timer_, second_timer_, churn_timer_, join_timer_;
  Time wheel_armed_for_ = kNever;
  std::optional<Error> error_;  // the first
  std::size_t failed_ = 0;
  bool interrupted_ = false;

  // Of clients that have left, so that churn loses no counts.
  ReceiveSession::Counters kept_received_;
  TraceTrack::Counters kept_sent_;
  std::uint64_t kept_sent_in_window_ = 0;
  std::int64_t kept_lost_ = 0;
  std::uint64_t kept_rejected_ = 0;
  std::vector<Duration> join_times_, first_packet_times_;
  // With everybody there all the time and one encoding each, every consumer should get all that its producer sent.
  std::optional<std::uint64_t> packets_expected_;
  std::size_t consumers_ = 0;
  std::size_t silent_consumers_ = 0;  // of them, without a packet in the window
  ChurnCounters churn_;
  std::set<std::string> stuck_;  // consumers found silent that should not be
  std::size_t stuck_now_ = 0;
  ProcessSample server_at_begin_, server_at_end_, self_at_begin_, self_at_end_;
  std::vector<std::size_t> server_rss_kb_;  // one a second
};

}  // namespace jb::client
