// SPDX-License-Identifier: Apache-2.0
#include "client/load_client.h"

#include <algorithm>
#include <array>
#include <utility>

#include "client/audio_track.h"
#include "io/clock.h"

namespace jb::client {
namespace {

// No service recognises it, so no interpreter listens in and a load measures forwarding alone (ISO 639-2: no
// linguistic content).
constexpr const char* kNoLanguage = "zxx";

constexpr io::UdpOptions kSocketBuffers{.receive_buffer = 1 << 20, .send_buffer = 1 << 20};

const char* SourceOf(const TraceTrack& track) { return track.is_audio() ? "mic" : "camera"; }
const char* KindOf(const TraceTrack& track) { return track.is_audio() ? "audio" : "video"; }

}  // namespace

LoadClient::LoadClient(LoadContext& context, LoadClientOptions options, Handlers handlers)
    : context_(context),
      options_(std::move(options)),
      handlers_(std::move(handlers)),
      cname_(context.random.Id().substr(0, 16)),
      signaling_(context.loop, context.url, context.accept_any_certificate,
                 {.on_connected = [this] { Join(); },
                  .on_event = [this](std::string_view n, const json::value& d) { HandleEvent(n, d); },
                  .on_ended = [this](const Error& reason) { Fail(reason); }}) {
  std::uint32_t stream = options_.first_stream;
  for (const LoadKind kind : options_.publish) {
    TraceTrackConfig config{.kind = kind,
                            .trace = options_.traces.at(kind),
                            .mid = std::to_string(published_.size()),
                            .cname = cname_,
                            .run = context_.run,
                            .first_stream = stream};
    stream += 3;  // encodings of simulcast
    published_.push_back(
        {{}, std::make_unique<TraceTrack>(std::move(config), context_.pool, transport_sequence_, context_.choices)});
  }
}

LoadClient::~LoadClient() = default;

void LoadClient::Start(Time now) {
  started_at_ = now;
  signaling_.Connect();
}

void LoadClient::Fail(const Error& reason) {
  if (std::exchange(ended_, true)) return;
  handlers_.on_ended(reason);
}

void LoadClient::Leave() {
  if (std::exchange(ended_, true)) return;
  if (send_) send_->Close();
  if (recv_) recv_->Close();
  if (joined_at_) Request("leave", {});
  signaling_.Disconnect();
}

void LoadClient::Request(std::string_view event, json::object data) {
  signaling_.Request(event, std::move(data), [](const auto&) {});
}

void LoadClient::Join() {
  json::object request{{"room", options_.room},
                       {"name", options_.name},
                       {"speaks", kNoLanguage},
                       {"hears", kNoLanguage},
                       {"voice", "original"}};
  signaling_.Request("join", std::move(request), [this](Result<json::value> answer) {
    if (!answer.ok()) return Fail(answer.error());
    HandleJoined(*answer);
  });
}

void LoadClient::HandleJoined(const json::value& data) {
  const json::value* self = GetMember(data, "self");
  const json::value* capabilities = GetMember(data, "routerRtpCapabilities");
  const auto id = self ? GetString(*self, "id") : std::nullopt;
  if (!id || !capabilities) return Fail({"bad_answer", "the answer to join has no self.id or routerRtpCapabilities"});
  const Time now = io::Now();
  joined_at_ = now;
  self_ = *id;
  router_capabilities_ = *capabilities;
  session_.emplace(cname_, context_.random, now);
  sender_reports_.emplace(now, context_.random);
  if (const json::array* participants = GetArray(data, "participants")) {
    for (const json::value& participant : *participants) NoteParticipant(participant);
  }
  CreateTransport(Direction::kRecv);
  if (!published_.empty()) CreateTransport(Direction::kSend);
}

void LoadClient::CreateTransport(Direction direction) {
  const char* name = direction == Direction::kSend ? "send" : "recv";
  signaling_.Request("createTransport", {{"direction", name}}, [this, direction](Result<json::value> answer) {
    if (!answer.ok()) return Fail(answer.error());
    OpenTransport(direction, *answer);
  });
}

void LoadClient::OpenTransport(Direction direction, const json::value& answer) {
  auto remote = ParseRemoteTransport(answer);
  if (!remote.ok()) return Fail(remote.error());
  std::erase_if(remote->candidates, [&](const IceCandidate& c) { return !context_.may_send_to(c.address); });
  if (remote->candidates.empty()) {
    return Fail({"not_local", "the server's media addresses are none of this machine's: a load stays on one machine"});
  }
  const bool send = direction == Direction::kSend;
  PeerLink::Handlers handlers{
      .on_packet = [this, send](PeerTransport::Kind k, ByteSpan p,
                                Time now) { send ? HandleSent(k, p, now) : HandleReceived(k, p, now); },
      .on_state = [this](PeerState state) { HandleState(state); }};
  const auto open = [this](const SocketAddress& bind, io::UdpSocket::Handler handler) {
    return context_.sockets.Open(bind, std::move(handler), kSocketBuffers);
  };
  auto opened = PeerLink::Open(context_.loop, std::move(remote).value(), context_.certificate, context_.random,
                               std::move(handlers), open);
  if (!opened.ok()) return Fail(opened.error());
  auto& link = send ? send_ : recv_;
  link = std::move(opened).value();
  json::object request{{"transportId", link->transport().id()}, {"dtlsParameters", link->transport().DtlsParameters()}};
  signaling_.Request("connectTransport", std::move(request), [this, send](Result<json::value> connected) {
    if (!connected.ok()) return Fail(connected.error());
    (send ? send_ : recv_)->Start();
    if (!send) return ConsumeWaiting();
    for (std::size_t i = 0; i < published_.size(); ++i) Produce(i);
  });
}

void LoadClient::Produce(std::size_t index) {
  const TraceTrack& track = *published_[index].track;
  json::object request{{"transportId", send_->transport().id()},
                       {"kind", KindOf(track)},
                       {"rtpParameters", track.RtpParameters()},
                       {"source", SourceOf(track)}};
  signaling_.Request("produce", std::move(request), [this, index](Result<json::value> answer) {
    if (!answer.ok()) return Fail(answer.error());
    published_[index].producer = GetString(*answer, "id").value_or("");
    StartTracks(io::Now());
    CheckReady();
  });
}

void LoadClient::HandleState(PeerState state) {
  if (state == PeerState::kFailed) return Fail({"media_failed", "no media connection to the server"});
  if (state != PeerState::kConnected) return;
  StartTracks(io::Now());
  CheckReady();
}

void LoadClient::StartTracks(Time now) {
  if (!send_ || !send_->connected()) return;
  for (Published& published : published_) {
    if (published.producer.empty() || published.track->started()) continue;
    published.track->Start(now);
    published.changed_at = now;
  }
  handlers_.on_deadline();
}

void LoadClient::HandleEvent(std::string_view name, const json::value& data) {
  const auto text = [&](const char* key) { return std::string(GetString(data, key).value_or("")); };
  if (name == "participantJoined") {
    NoteParticipant(data);
  } else if (name == "producerAdded") {
    const json::value* producer = GetMember(data, "producer");
    if (producer) NoteProducer(text("participantId"), *producer);
    ConsumeWaiting();
  } else if (name == "producerRemoved") {
    known_.erase(text("producerId"));
    waiting_.erase(text("producerId"));
    RemoveConsumers("producer", text("producerId"));
  } else if (name == "consumerClosed") {
    RemoveConsumers("consumer", text("consumerId"));
  } else if (name == "producerPaused" || name == "producerResumed") {
    SetProducerPaused(text("producerId"), name == "producerPaused");
  } else if (name == "roomClosed") {
    Fail({"room_closed", "the room was closed"});
  }
}

void LoadClient::NoteParticipant(const json::value& participant) {
  const auto id = GetString(participant, "id").value_or("");
  const json::array* producers = GetArray(participant, "producers");
  if (!producers) return;
  for (const json::value& producer : *producers) NoteProducer(id, producer);
  ConsumeWaiting();
}

void LoadClient::NoteProducer(std::string_view participant, const json::value& producer) {
  const auto id = GetString(producer, "id");
  if (!id || participant == self_) return;
  if (known_.emplace(*id).second) waiting_.emplace(*id);
}

void LoadClient::ConsumeWaiting() {
  if (!recv_) return;  // again when the transport is there
  for (const std::string& producer : std::exchange(waiting_, {})) Consume(producer);
  CheckReady();
}

void LoadClient::Consume(const std::string& producer) {
  ++consuming_;
  json::object request{{"producerId", producer}, {"rtpCapabilities", router_capabilities_}};
  signaling_.Request("consume", std::move(request), [this](Result<json::value> answer) {
    --consuming_;
    if (!answer.ok()) return CheckReady();  // the producer has gone meanwhile
    auto info = ParseConsumer(*answer);
    if (!info.ok()) return Fail(info.error());
    const rtp::Ssrc ssrc = info->ssrc;
    session_->Add(*info);
    Request("resumeConsumer", {{"consumerId", info->id}});
    Received received;
    received.resumed = true;
    received.producer_paused = info->producer_paused;
    received.changed_at = io::Now();
    received.info = std::move(*info);
    received_.insert_or_assign(ssrc.value(), std::move(received));
    CheckReady();
    handlers_.on_deadline();
  });
}

void LoadClient::RemoveConsumers(std::string_view key, std::string_view value) {
  std::erase_if(received_, [&](const auto& entry) {
    const ConsumerInfo& info = entry.second.info;
    const bool match = (key == "producer" ? info.producer_id : info.id) == value;
    if (match) session_->Remove(info.ssrc);
    return match;
  });
}

void LoadClient::SetProducerPaused(std::string_view producer, bool paused) {
  for (auto& [ssrc, received] : received_) {
    if (received.info.producer_id != producer) continue;
    received.producer_paused = paused;
    received.changed_at = io::Now();
    if (paused) session_->Pause(received.info.ssrc);
  }
}

void LoadClient::CheckReady() {
  if (ready() || !joined_at_ || !recv_ || consuming_ > 0 || !waiting_.empty()) return;
  if (!recv_->connected() || (!published_.empty() && (!send_ || !send_->connected()))) return;
  for (const Published& published : published_) {
    if (!published.track->started()) return;
  }
  ready_at_ = io::Now();
}

void LoadClient::HandleSent(PeerTransport::Kind kind, ByteView packet, Time now) {
  if (kind != PeerTransport::Kind::kRtcp || ended_) return;
  const auto compound = rtcp::Compound::Parse(packet);
  if (!compound.ok()) return;
  const WallTime wall = io::WallNow();
  const auto send = [this](ByteSpan buffer, std::size_t size) { send_->SendRtp(buffer, size); };
  compound->ForEach([&](const rtcp::RawPacket& raw) {
    for (Published& published : published_) published.track->HandleRtcp(raw, now, wall, send);
  });
}

void LoadClient::HandleReceived(PeerTransport::Kind kind, ByteSpan packet, Time now) {
  if (ended_) return;
  if (kind == PeerTransport::Kind::kRtcp) {
    session_->HandleRtcp(packet, now);
    return;
  }
  const auto media = session_->HandleRtp(packet, now);
  if (media) {
    if (!first_packet_at_) first_packet_at_ = now;
    HandleMedia(*media);
  }
  handlers_.on_deadline();
}

void LoadClient::HandleMedia(const ReceiveSession::Media& media) {
  LoadTally& tally = context_.tally;
  const ByteView payload = media.packet.payload();
  const auto stamp = ReadStamp(payload, context_.run);
  if (!stamp) {
    ++tally.foreign;
    return;
  }
  Received& received = received_.at(media.info.ssrc.value());
  if (!received.order.HandlePacket(media.packet.sequence_number(), *stamp)) ++tally.misordered;
  if (!tally.Covers(stamp->sent_at)) return;
  ++received.in_window;
  ++tally.received;
  tally.bytes += payload.size();
  if (!media.repaired) tally.delay.Add(context_.sockets.arrival() - stamp->sent_at);
  if (stamp->number % LoadTally::kInspectEvery != 0) return;
  ++tally.inspected;
  if (!IsIntact(payload, media.info.audio ? kOpusFillerAt : kVp8FillerAt, *stamp)) ++tally.corrupted;
}

Time LoadClient::NextDeadline() const {
  if (ended_ || !joined_at_) return kNever;
  Time next = session_->NextDeadline().value_or(kNever);
  if (send_ && send_->connected()) next = std::min(next, sender_reports_->next());
  for (const Published& published : published_) next = std::min(next, published.track->NextDeadline());
  return next;
}

void LoadClient::HandleTimeout(Time now) {
  if (ended_ || !joined_at_) return;
  SendTracks(now);
  if (!recv_ || !recv_->connected()) return;
  std::array<std::uint8_t, ReceiveSession::kRtcpSize + crypto::SrtpSession::kMaxOverhead> buffer;
  while (const std::size_t size = session_->PollRtcp(ByteSpan(buffer).first(ReceiveSession::kRtcpSize), now)) {
    recv_->SendRtcp(buffer, size);
  }
}

void LoadClient::SendTracks(Time now) {
  if (!send_ || !send_->connected()) return;
  const WallTime wall = io::WallNow();
  bool sent = false;
  for (Published& published : published_) {
    if (now < published.track->NextDeadline()) continue;
    sent = true;
    published.track->HandleTimeout(now, wall, [this](ByteSpan buffer, std::size_t size) { send_->SendRtp(buffer, size); });
  }
  if (sender_reports_->Take(now)) {
    for (const Published& published : published_) {
      published.track->WriteReports(now, wall, [this](ByteSpan b, std::size_t size) { send_->SendRtcp(b, size); });
    }
  }
  if (sent) send_->Flush();  // at once: the stamps say that it left now
}

void LoadClient::SetMuted(std::size_t track, bool muted) {
  Published& published = published_[track];
  if (published.producer.empty() || published.paused == muted) return;
  published.paused = muted;
  published.changed_at = io::Now();
  published.track->SetMuted(muted, published.changed_at);
  Request(muted ? "pauseProducer" : "resumeProducer", {{"producerId", published.producer}});
  handlers_.on_deadline();
}

void LoadClient::SetConsumerPaused(rtp::Ssrc ssrc, bool paused) {
  const auto found = received_.find(ssrc.value());
  if (found == received_.end() || found->second.paused == paused) return;
  found->second.paused = paused;
  found->second.changed_at = io::Now();
  if (paused) session_->Pause(ssrc);
  Request(paused ? "pauseConsumer" : "resumeConsumer", {{"consumerId", found->second.info.id}});
}

void LoadClient::SetPreferredLayers(rtp::Ssrc ssrc, int spatial, int temporal) {
  const auto found = received_.find(ssrc.value());
  if (found == received_.end()) return;
  Request("setPreferredLayers",
          {{"consumerId", found->second.info.id}, {"spatialLayer", spatial}, {"temporalLayer", temporal}});
}

void LoadClient::RequestKeyFrame(rtp::Ssrc ssrc) {
  const auto found = received_.find(ssrc.value());
  if (found != received_.end()) Request("requestKeyFrame", {{"consumerId", found->second.info.id}});
}

std::uint64_t LoadClient::rejected() const {
  return (send_ ? send_->transport().rejected() : 0) + (recv_ ? recv_->transport().rejected() : 0);
}

}  // namespace jb::client
