// SPDX-License-Identifier: Apache-2.0
// A participant without a screen: joins a room, speaks what a recording says, hears everyone, and keeps
// count. The shell around the cores of this folder. Loop thread; borrows the loop and the Random.
#pragma once

#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "client/audio_track.h"
#include "client/latency_meter.h"
#include "client/peer_link.h"
#include "client/receive_session.h"
#include "client/recorder.h"
#include "client/remote_track.h"
#include "client/signaling.h"
#include "client/video_track.h"
#include "crypto/certificate.h"
#include "io/loop.h"
#include "media/rtp/stream_sender.h"

namespace jb::client {

struct ParticipantOptions {
  std::string url;
  bool accept_any_certificate = false;
  std::string room;
  std::string name = "headless";
  std::string speaks = "en";
  std::string hears = "en";
  std::string voice = "translated";  // or "original"
  std::string passcode;
  // 48 kHz mono. Null: no microphone.
  std::shared_ptr<const std::vector<std::int16_t>> play;
  bool loop = false;
  std::optional<IvfClip> video;
  bool record = false;
  Duration longest_recording = std::chrono::hours(1);
};

class Participant {
 public:
  struct Handlers {
    std::function<void(const json::value& caption)> on_caption;  // with "receivedMs" since joining added
    // Once: the room closed, the server left, or it never worked.
    std::function<void(const Error& reason)> on_ended;
  };

  Participant(io::Loop& loop, ParticipantOptions options, std::shared_ptr<const crypto::Certificate> certificate,
              Random& random, Handlers handlers);
  ~Participant();
  Participant(const Participant&) = delete;
  Participant& operator=(const Participant&) = delete;

  void Start();
  // Tells the server and the peers; nothing is sent or counted afterwards.
  void Leave();

  std::optional<Time> joined_at() const { return joined_at_; }
  std::uint64_t packets_received() const { return packets_received_; }
  std::size_t tracks_heard_since(Time t) const;
  // That the server took back without being asked, and that were made anew.
  std::uint64_t transports_lost() const { return transports_lost_; }
  // Joined, and packets went where they should: out when it has something to say, else in.
  bool media_flowed() const;
  // What protocol.md section 1 promises for `join`, and more.
  json::object Summary() const;
  const std::vector<std::int16_t>& recording() const { return recorder_.samples(); }

 private:
  struct Sent {
    media::StreamSender sender;
    bool produced = false;  // the server knows it
  };

  void Join();
  void HandleJoined(const json::value& data);
  void CreateTransport(const char* direction, std::unique_ptr<PeerLink>& link, std::function<void()> ready);
  void OpenSend();
  void OpenRecv();
  // The server has lost that transport: makes another, and on it what was on this one.
  void HandleTransportClosed(std::string_view id);
  void Produce(const char* kind, const char* source, json::object parameters, Sent& sent);
  void HandleEvent(std::string_view name, const json::value& data);
  void HandleCaption(const json::value& caption);
  void NoteParticipant(const json::value& participant);
  void NoteProducer(std::string_view participant, const json::value& producer);
  void ConsumeWaiting();
  void Consume(const std::string& producer);
  void RemoveConsumer(std::string_view key, std::string_view value);

  void Tick();
  void SendAudio(Time now);
  void SendVideo(Time now);
  void SendReports(Time now);
  void SendSenderReports(Time now);
  void SendFeedback(Time now);
  void HandlePacket(PeerTransport::Kind kind, ByteSpan packet, Time now);
  void HandleRtcp(ByteView packet, Time now);
  void NoteSpeech(RemoteTrack& track, Time now);
  void Fail(Error reason);
  double SinceJoinMs(Time at) const;

  io::Loop& loop_;
  const ParticipantOptions options_;
  const std::shared_ptr<const crypto::Certificate> certificate_;
  Random& random_;
  const Handlers handlers_;
  Signaling signaling_;
  std::unique_ptr<PeerLink> send_;
  std::unique_ptr<PeerLink> recv_;
  bool left_ = false;

  // Known from the server.
  std::optional<Time> joined_at_;
  std::string self_;
  json::value router_capabilities_;
  struct KnownProducer {
    std::string source;
    std::string translated_from;
    std::string participant;
  };
  std::map<std::string, KnownProducer> producers_;  // of others
  std::set<std::string> waiting_;                   // not yet consumed

  // Sent.
  const std::string cname_;
  std::optional<AudioTrack> audio_;
  std::optional<VideoTrack> video_;
  std::optional<Sent> audio_sent_;
  std::optional<Sent> video_sent_;
  SpeechMeter own_speech_;
  std::vector<Time> own_speech_ends_;
  std::uint64_t packets_sent_ = 0;

  // Received.
  Recorder recorder_;
  std::map<rtp::Ssrc, std::unique_ptr<RemoteTrack>> tracks_;
  std::optional<ReceiveSession> session_;  // once joined
  std::uint64_t packets_received_ = 0;
  std::uint64_t packets_translated_ = 0;
  std::uint64_t transports_lost_ = 0;
  std::int64_t lost_before_ = 0;  // of tracks that are gone
  std::uint64_t captions_ = 0;
  std::uint64_t final_captions_ = 0;
  std::optional<Time> first_caption_;
  std::optional<Time> first_translated_audio_;
  std::vector<Time> translation_onsets_;
  LatencyMeter latency_;          // clause → voice, by microphone
  LatencyMeter caption_latency_;  // clause → final caption, by speaker

  io::Timer tick_, retry_send_, retry_recv_;
  Time next_tick_{};
  std::optional<media::ReportSchedule> reports_;
};

}  // namespace jb::client
