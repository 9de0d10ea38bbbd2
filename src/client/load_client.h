// SPDX-License-Identifier: Apache-2.0
// One participant of a load: joins a room over Socket.IO, publishes what it was given, receives everybody else, and
// behaves on the wire as a browser does. Knows the server by docs/protocol.md alone. Has no timer of its own: its
// owner calls HandleTimeout() when NextDeadline() has come. Loop thread; borrows everything in LoadContext.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "client/consumer_info.h"
#include "client/load_tally.h"
#include "client/peer_link.h"
#include "client/receive_session.h"
#include "client/signaling.h"
#include "client/trace_track.h"
#include "crypto/certificate.h"
#include "io/loop.h"
#include "io/udp_fleet.h"

namespace jb::client {

// What all clients of one load share.
struct LoadContext {
  io::Loop& loop;
  io::UdpFleet& sockets;
  Random& random;   // of secrets
  Random& choices;  // of what the seed decides
  media::PacketPool& pool;
  LoadTally& tally;
  std::shared_ptr<const crypto::Certificate> certificate;
  std::string url;
  bool accept_any_certificate = false;
  std::uint32_t run = 0;
  // Media goes to no other address than one of these.
  std::function<bool(const SocketAddress&)> may_send_to;
};

struct LoadClientOptions {
  std::string room;
  std::string name;
  std::vector<LoadKind> publish;
  std::map<LoadKind, std::shared_ptr<const MediaTrace>> traces;
  std::uint32_t first_stream = 0;  // of the stamps of its tracks
};

class LoadClient {
 public:
  struct Published {
    std::string producer;  // its id; empty until the server gave one
    std::unique_ptr<TraceTrack> track;
    bool paused = false;
    Time changed_at{};  // when it was last paused or resumed
  };
  struct Received {
    ConsumerInfo info;
    OrderCheck order;
    bool resumed = false;
    bool paused = false;         // by us
    bool producer_paused = false;
    Time changed_at{};           // when it last began to be due or not to be due
    std::uint64_t in_window = 0;
  };
  struct Handlers {
    std::function<void()> on_deadline;               // NextDeadline() may have come nearer
    std::function<void(const Error& reason)> on_ended;  // once; never after Leave()
  };

  LoadClient(LoadContext& context, LoadClientOptions options, Handlers handlers);
  ~LoadClient();
  LoadClient(const LoadClient&) = delete;
  LoadClient& operator=(const LoadClient&) = delete;

  void Start(Time now);
  void Leave();

  Time NextDeadline() const;
  void HandleTimeout(Time now);

  // Joined, its tracks flow, and everything there was to receive is asked for.
  bool ready() const { return ready_at_ != kNever; }
  bool ended() const { return ended_; }
  Time started_at() const { return started_at_; }
  std::optional<Time> joined_at() const { return joined_at_; }
  Time ready_at() const { return ready_at_; }
  std::optional<Time> first_packet_at() const { return first_packet_at_; }
  std::size_t expected_tracks() const { return waiting_.size() + consuming_ + received_.size(); }

  // What churn does. Each is a request to the server; the answer is not waited for.
  void SetMuted(std::size_t track, bool muted);
  void SetConsumerPaused(rtp::Ssrc ssrc, bool paused);
  void SetPreferredLayers(rtp::Ssrc ssrc, int spatial, int temporal);
  void RequestKeyFrame(rtp::Ssrc ssrc);

  std::vector<Published>& published() { return published_; }
  const std::vector<Published>& published() const { return published_; }
  const std::map<std::uint32_t, Received>& received() const { return received_; }
  const ReceiveSession* session() const { return session_ ? &*session_ : nullptr; }
  // SRTP packets that failed to authenticate, or came twice.
  std::uint64_t rejected() const;

 private:
  enum class Direction : std::uint8_t { kSend, kRecv };

  void Join();
  void HandleJoined(const json::value& data);
  void CreateTransport(Direction direction);
  void OpenTransport(Direction direction, const json::value& answer);
  void Produce(std::size_t index);
  void HandleEvent(std::string_view name, const json::value& data);
  void NoteParticipant(const json::value& participant);
  void NoteProducer(std::string_view participant, const json::value& producer);
  void ConsumeWaiting();
  void Consume(const std::string& producer);
  void RemoveConsumers(std::string_view key, std::string_view value);
  void SetProducerPaused(std::string_view producer, bool paused);
  void CheckReady();
  void HandleState(PeerState state);
  void HandleSent(PeerTransport::Kind kind, ByteView packet, Time now);
  void HandleReceived(PeerTransport::Kind kind, ByteSpan packet, Time now);
  void HandleMedia(const ReceiveSession::Media& media);
  void StartTracks(Time now);
  void SendTracks(Time now);
  void Fail(const Error& reason);
  void Request(std::string_view event, json::object data);

  LoadContext& context_;
  const LoadClientOptions options_;
  const Handlers handlers_;
  const std::string cname_;
  Signaling signaling_;
  std::unique_ptr<PeerLink> send_, recv_;
  std::uint16_t transport_sequence_ = 0;
  bool ended_ = false;

  Time started_at_{};
  std::optional<Time> joined_at_;
  Time ready_at_ = kNever;
  std::optional<Time> first_packet_at_;
  std::string self_;
  json::value router_capabilities_;
  std::set<std::string> known_;    // producers of others
  std::set<std::string> waiting_;  // of them, not yet asked for
  std::size_t consuming_ = 0;      // requests without an answer

  std::vector<Published> published_;
  std::map<std::uint32_t, Received> received_;  // by SSRC
  std::optional<ReceiveSession> session_;
  std::optional<media::ReportSchedule> sender_reports_;
};

}  // namespace jb::client
