// SPDX-License-Identifier: Apache-2.0
// The signaling half of Participant; the media half is in participant_media.cc.
#include "client/participant.h"

#include <algorithm>
#include <utility>

#include "io/clock.h"

namespace jb::client {
namespace {

// The server has lost what carries our media and is putting it back.
constexpr Duration kRetryTransport = std::chrono::milliseconds(500);
constexpr const char* kLost = "transport_not_found";
// Later than this a caption belongs to another clause: the recogniser found no words in the one before.
constexpr Duration kCaptionPatience = std::chrono::seconds(4);

// In milliseconds, exact: every one of them, in order.
json::object DelaysOf(const LatencyMeter& meter) {
  const auto ms = [](const std::optional<Duration>& d) -> json::value {
    return d ? json::value(ToSeconds(*d) * 1000) : json::value(nullptr);
  };
  json::array all;
  for (Duration d : meter.delays()) all.push_back(ms(d));
  return {{"count", meter.delays().size()},
          {"p50", ms(meter.Quantile(0.50))},
          {"p95", ms(meter.Quantile(0.95))},
          {"all", std::move(all)}};
}

std::int64_t SamplesOf(Duration d) { return d.count() * Recorder::kSampleRate / 1'000'000; }

}  // namespace

Participant::Participant(io::Loop& loop, ParticipantOptions options,
                         std::shared_ptr<const crypto::Certificate> certificate, Random& random, Handlers handlers)
    : loop_(loop),
      options_(std::move(options)),
      certificate_(std::move(certificate)),
      random_(random),
      handlers_(std::move(handlers)),
      signaling_(loop, options_.url, options_.accept_any_certificate,
                 {.on_connected = [this] { Join(); },
                  .on_event = [this](std::string_view n, const json::value& d) { HandleEvent(n, d); },
                  .on_ended = [this](const Error& reason) { Fail(reason); }}),
      cname_(random.Id().substr(0, 16)),
      recorder_(static_cast<std::size_t>(SamplesOf(options_.longest_recording))),
      caption_latency_(kCaptionPatience),
      tick_(loop),
      retry_send_(loop),
      retry_recv_(loop) {
  if (options_.play) {
    audio_.emplace(options_.play, options_.loop, cname_, random_);
    audio_sent_.emplace(Sent{media::StreamSender(audio_->ssrc(), 48000)});
  }
  if (options_.video) {
    video_.emplace(*options_.video, cname_, random_);
    video_sent_.emplace(Sent{media::StreamSender(video_->ssrc(), 90000)});
  }
}

Participant::~Participant() = default;

void Participant::Start() { signaling_.Connect(); }

void Participant::Fail(Error reason) {
  if (std::exchange(left_, true)) return;
  tick_.Cancel();
  handlers_.on_ended(reason);
}

void Participant::Leave() {
  if (std::exchange(left_, true)) return;
  tick_.Cancel();
  const Time now = io::Now();
  if (joined_at_ && options_.record) recorder_.ExtendTo(SamplesOf(now - *joined_at_));
  if (send_) send_->Close();
  if (recv_) recv_->Close();
  if (joined_at_) signaling_.Request("leave", {}, [](const auto&) {});
  signaling_.Disconnect();
}

void Participant::Join() {
  json::object request{{"room", options_.room},
                       {"name", options_.name},
                       {"speaks", options_.speaks},
                       {"hears", options_.hears},
                       {"voice", options_.voice}};
  if (!options_.passcode.empty()) request["passcode"] = options_.passcode;
  signaling_.Request("join", std::move(request), [this](Result<json::value> answer) {
    if (answer.ok()) {
      HandleJoined(*answer);
    } else {
      Fail(answer.error());
    }
  });
}

void Participant::HandleJoined(const json::value& data) {
  const json::value* self = GetMember(data, "self");
  const json::value* capabilities = GetMember(data, "routerRtpCapabilities");
  const auto id = self ? GetString(*self, "id") : std::nullopt;
  if (!id || !capabilities) {
    Fail({"bad_answer", "the answer to join has no self.id or routerRtpCapabilities"});
    return;
  }
  const Time now = io::Now();
  joined_at_ = now;
  self_ = *id;
  router_capabilities_ = *capabilities;
  reports_.emplace(now, random_);
  session_.emplace(cname_, random_, now);
  if (const json::array* participants = GetArray(data, "participants")) {
    for (const json::value& participant : *participants) NoteParticipant(participant);
  }
  OpenRecv();
  OpenSend();
  next_tick_ = now;
  Tick();
}

void Participant::OpenRecv() {
  CreateTransport("recv", recv_, [this] { ConsumeWaiting(); });
}

void Participant::OpenSend() {
  if (!audio_ && !video_) return;
  CreateTransport("send", send_, [this] {
    if (audio_) Produce("audio", "mic", audio_->RtpParameters(), *audio_sent_);
    if (video_) Produce("video", "camera", video_->RtpParameters(), *video_sent_);
  });
}

void Participant::HandleTransportClosed(std::string_view id) {
  if (left_) return;
  if (recv_ && recv_->transport().id() == id) {
    ++transports_lost_;
    for (const auto& [ssrc, track] : tracks_) lost_before_ += track->receiver().packets_lost();
    tracks_.clear();
    recv_.reset();
    for (const auto& [producer, known] : producers_) waiting_.insert(producer);
    OpenRecv();
  } else if (send_ && send_->transport().id() == id) {
    ++transports_lost_;
    send_.reset();
    for (auto* sent : {&audio_sent_, &video_sent_}) {
      if (*sent) (*sent)->produced = false;
    }
    OpenSend();
  }
}

void Participant::CreateTransport(const char* direction, std::unique_ptr<PeerLink>& link, std::function<void()> ready) {
  auto created = [this, direction, &link, ready = std::move(ready)](Result<json::value> answer) {
    if (!answer.ok() && answer.error().code == kLost) {
      io::Timer& retry = &link == &send_ ? retry_send_ : retry_recv_;
      return retry.StartIn(kRetryTransport, [this, direction, &link, ready] {
        if (!left_) CreateTransport(direction, link, ready);
      });
    }
    if (!answer.ok()) return Fail(answer.error());
    auto remote = ParseRemoteTransport(*answer);
    if (!remote.ok()) return Fail(remote.error());
    PeerLink::Handlers handlers{
        .on_packet = [this](PeerTransport::Kind k, ByteSpan p, Time now) { HandlePacket(k, p, now); },
        .on_state =
            [this](PeerState state) {
              if (state == PeerState::kFailed) Fail({"media_failed", "no media connection to the server"});
            }};
    auto opened = PeerLink::Open(loop_, std::move(remote).value(), certificate_, random_, std::move(handlers));
    if (!opened.ok()) return Fail(opened.error());
    link = std::move(opened).value();
    json::object request{{"transportId", link->transport().id()},
                         {"dtlsParameters", link->transport().DtlsParameters()}};
    signaling_.Request("connectTransport", std::move(request), [this, &link, ready](auto connected) {
      if (!connected.ok() && connected.error().code == kLost) return;  // transportClosed says so too
      if (!connected.ok()) return Fail(connected.error());
      if (!link) return;
      link->Start();
      ready();
    });
  };
  signaling_.Request("createTransport", {{"direction", direction}}, std::move(created));
}

void Participant::Produce(const char* kind, const char* source, json::object parameters, Sent& sent) {
  json::object request{{"transportId", send_->transport().id()},
                       {"kind", kind},
                       {"rtpParameters", std::move(parameters)},
                       {"source", source}};
  signaling_.Request("produce", std::move(request), [this, &sent](Result<json::value> answer) {
    if (!answer.ok() && answer.error().code == kLost) return;  // as well
    if (!answer.ok()) return Fail(answer.error());
    sent.produced = true;
  });
}

void Participant::HandleEvent(std::string_view name, const json::value& data) {
  if (name == "caption") {
    HandleCaption(data);
  } else if (name == "participantJoined") {
    NoteParticipant(data);
  } else if (name == "producerAdded") {
    const json::value* producer = GetMember(data, "producer");
    if (producer) NoteProducer(GetString(data, "participantId").value_or(""), *producer);
    ConsumeWaiting();
  } else if (name == "producerRemoved") {
    const auto id = GetString(data, "producerId").value_or("");
    waiting_.erase(std::string(id));
    RemoveConsumer("producer", id);
  } else if (name == "consumerClosed") {
    RemoveConsumer("consumer", GetString(data, "consumerId").value_or(""));
  } else if (name == "transportClosed") {
    HandleTransportClosed(GetString(data, "transportId").value_or(""));
  } else if (name == "roomClosed") {
    Fail({"room_closed", std::string(GetString(data, "reason").value_or("the room was closed"))});
  }
}

void Participant::HandleCaption(const json::value& caption) {
  if (left_ || !caption.is_object()) return;
  const Time now = io::Now();
  ++captions_;
  if (GetBool(caption, "final").value_or(false)) {
    ++final_captions_;
    const bool has_words = !GetString(caption, "text").value_or("").empty();
    if (has_words) {
      caption_latency_.HandleTranslationOnset(std::string(GetString(caption, "speakerId").value_or("")), now);
    }
  }
  if (!first_caption_) first_caption_ = now;
  json::object line = caption.as_object();
  line["receivedMs"] = SinceJoinMs(now);
  if (handlers_.on_caption) handlers_.on_caption(line);
}

void Participant::NoteParticipant(const json::value& participant) {
  const auto id = GetString(participant, "id").value_or("");
  const json::array* producers = GetArray(participant, "producers");
  if (!producers) return;
  for (const json::value& producer : *producers) NoteProducer(id, producer);
  ConsumeWaiting();
}

void Participant::NoteProducer(std::string_view participant, const json::value& producer) {
  const auto id = GetString(producer, "id");
  if (!id || participant == self_) return;
  KnownProducer known{std::string(GetString(producer, "source").value_or("")),
                      std::string(GetString(producer, "translatedFrom").value_or("")), std::string(participant)};
  if (producers_.emplace(*id, std::move(known)).second) waiting_.insert(std::string(*id));
}

void Participant::ConsumeWaiting() {
  if (!recv_) return;  // again when the transport is there
  for (const std::string& producer : std::exchange(waiting_, {})) Consume(producer);
}

void Participant::Consume(const std::string& producer) {
  json::object request{{"producerId", producer}, {"rtpCapabilities", router_capabilities_}};
  signaling_.Request("consume", std::move(request), [this](Result<json::value> answer) {
    if (!answer.ok()) return;  // the producer has gone meanwhile
    auto info = ParseConsumer(*answer);
    if (!info.ok()) return Fail(info.error());
    const json::object resume{{"consumerId", info->id}};
    const rtp::Ssrc ssrc = info->ssrc;
    session_->Add(*info);
    tracks_[ssrc] =
        std::make_unique<RemoteTrack>(std::move(info).value(), *joined_at_, options_.record ? &recorder_ : nullptr);
    signaling_.Request("resumeConsumer", resume, [](const auto&) {});
  });
}

void Participant::RemoveConsumer(std::string_view key, std::string_view value) {
  std::erase_if(tracks_, [&](const auto& entry) {
    const ConsumerInfo& info = entry.second->info();
    const bool match = (key == "producer" ? info.producer_id : info.id) == value;
    if (match) {
      lost_before_ += entry.second->receiver().packets_lost();
      session_->Remove(info.ssrc);
    }
    return match;
  });
  if (key == "producer") producers_.erase(std::string(value));
}

double Participant::SinceJoinMs(Time at) const { return joined_at_ ? ToSeconds(at - *joined_at_) * 1000 : 0; }

bool Participant::media_flowed() const {
  if (!joined_at_) return false;
  return audio_ || video_ ? packets_sent_ > 0 : packets_received_ > 0;
}

std::size_t Participant::tracks_heard_since(Time t) const {
  return static_cast<std::size_t>(std::count_if(tracks_.begin(), tracks_.end(), [t](const auto& track) {
    const std::optional<Time> last = track.second->receiver().last_packet_at();
    return last && *last > t;
  }));
}

json::object Participant::Summary() const {
  const auto since_join = [&](const std::optional<Time>& at) -> json::value {
    return at ? json::value(SinceJoinMs(*at)) : json::value(nullptr);
  };
  // Of the machine's monotonic clock, so that two participants on it can be compared.
  const auto clock_ms = [](const std::vector<Time>& times) {
    json::array out;
    for (Time t : times) out.push_back(ToSeconds(t.time_since_epoch()) * 1000);
    return out;
  };
  std::int64_t lost = lost_before_;
  for (const auto& [ssrc, track] : tracks_) lost += track->receiver().packets_lost();
  return {{"joined", joined_at_.has_value()},
          {"participantId", self_},
          {"packetsSent", packets_sent_},
          {"packetsReceived", packets_received_},
          {"packetsTranslated", packets_translated_},
          {"packetsLost", lost},
          {"transportsLost", transports_lost_},
          {"captions", captions_},
          {"finalCaptions", final_captions_},
          {"firstCaptionMs", since_join(first_caption_)},
          {"firstTranslatedAudioMs", since_join(first_translated_audio_)},
          {"translationDelayMs", DelaysOf(latency_)},
          {"captionDelayMs", DelaysOf(caption_latency_)},
          {"speechEndsAtMs", clock_ms(own_speech_ends_)},
          {"translationOnsetsAtMs", clock_ms(translation_onsets_)}};
}

}  // namespace jb::client
