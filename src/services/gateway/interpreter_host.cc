// SPDX-License-Identifier: Apache-2.0
#include "services/gateway/interpreter_host.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "crypto/random.h"
#include "interpreter/room_interpreter.h"
#include "io/clock.h"

namespace jb::services {
namespace {

using interpreter::RequestId;
using interpreter::Service;
using interpreter::StreamId;

// A microphone sends 50 packets a second; whoever reads the counters does so every few seconds.
constexpr Duration kPublishEvery = std::chrono::milliseconds(500);
constexpr std::size_t kTapBox = 4096;  // 80 s of one microphone, or 1 s of 80
// DESIGN.md 5 asks for 500 ms: up to 700 ms a quantile is known to 25 ms.
const std::vector<double> kLatencyBounds = {
    0.01, 0.02,  0.05, 0.1,   0.15, 0.175, 0.2, 0.225, 0.25, 0.275, 0.3, 0.325, 0.35, 0.375, 0.4, 0.425, 0.45, 0.475,
    0.5,  0.525, 0.55, 0.575, 0.6,  0.625, 0.65, 0.675, 0.7, 0.8,   0.9, 1,     1.2,  1.5,   2,   3,     5,    10};

class HostMetrics {
 public:
  explicit HostMetrics(Metrics& m)
      : stt_(Stage(m, "stt")),
        translation_(Stage(m, "translation")),
        tts_(Stage(m, "tts")),
        interpret_(m.GetHistogram("jbcalling_interpret_seconds",
                                  "End of the spoken clause to first translated audio packet sent", kLatencyBounds)),
        partial_(CaptionSeconds(m, "partial")),
        final_(CaptionSeconds(m, "final")),
        sentences_(m.GetCounter("jbcalling_sentences_total", "Sentences recognised")),
        syntheses_(m.GetCounter("jbcalling_syntheses_total", "Sentences synthesized, once per speaker and language")),
        frames_(m.GetCounter("jbcalling_injected_frames_total", "Opus frames of translated voices")),
        dropped_(m.GetCounter("jbcalling_clauses_dropped_total", "Translated clauses never spoken: too far behind")),
        metrics_(m) {}

  void Observe(const interpreter::MetricSample& sample) {
    switch (sample.kind) {
      case interpreter::MetricKind::kStageStt: return stt_.Observe(sample.seconds);
      case interpreter::MetricKind::kStageTranslation: return translation_.Observe(sample.seconds);
      case interpreter::MetricKind::kStageTts: return tts_.Observe(sample.seconds);
      case interpreter::MetricKind::kInterpret: return interpret_.Observe(sample.seconds);
      case interpreter::MetricKind::kCaptionPartial: return partial_.Observe(sample.seconds);
      case interpreter::MetricKind::kCaptionFinal: return final_.Observe(sample.seconds);
    }
  }

  // Adds what one room has done since `last`. Copies maps: not for every packet.
  void Publish(const interpreter::InterpreterStats& now, interpreter::InterpreterStats& last) {
    sentences_.Add(static_cast<double>(now.sentences - last.sentences));
    syntheses_.Add(static_cast<double>(now.syntheses_total - last.syntheses_total));
    frames_.Add(static_cast<double>(now.frames_injected - last.frames_injected));
    dropped_.Add(static_cast<double>(now.clauses_dropped - last.clauses_dropped));
    for (const auto& [lang, count] : now.translations) {
      const auto before = last.translations.find(lang);
      const std::uint64_t known = before == last.translations.end() ? 0 : before->second;
      if (count == known) continue;
      metrics_
          .GetCounter("jbcalling_translations_total", "Sentences translated, by target language",
                      {{"to", lang.value()}})
          .Add(static_cast<double>(count - known));
    }
    last = now;
  }

 private:
  static Histogram Stage(Metrics& m, const char* stage) {
    return m.GetHistogram("jbcalling_stage_seconds", "Time each stage of the interpreter took", kLatencyBounds,
                          {{"stage", stage}});
  }
  static Histogram CaptionSeconds(Metrics& m, const char* kind) {
    return m.GetHistogram("jbcalling_caption_seconds", "End of the sound in a caption to its sending", kLatencyBounds,
                          {{"kind", kind}});
  }

  Histogram stt_, translation_, tts_, interpret_, partial_, final_;
  Counter sentences_, syntheses_, frames_, dropped_;
  Metrics& metrics_;
};

// What every room on the interpreter loop shares.
struct Shared {
  Shared(io::Loop& l, const SpeechUrls& u, Metrics& m)
      : loop(l),
        urls(u),
        metrics(m),
        translation(l, u.translation, m, std::max(1, u.translation_concurrency - 2)),  // chat takes one more
        synthesis(l, u.tts, std::max(1, u.tts_concurrency - 1)) {}
  io::Loop& loop;
  const SpeechUrls urls;
  HostMetrics metrics;
  TranslationClient translation;
  SynthesisClient synthesis;
  crypto::SystemRandom random;
  std::vector<MediaWorker*> workers;
  std::unordered_map<ProducerId, RoomCode> rooms_of_microphones;
  // To the control loop.
  std::function<void(std::function<void(InterpreterObserver&)>)> tell;
};

using TrackKey = std::pair<ParticipantId, Language>;

// One room: the core, and the shell around it.
class HostedRoom : public interpreter::AudioSink {
 public:
  HostedRoom(Shared& shared, RoomCode code, std::size_t worker, Time origin)
      : shared_(shared),
        code_(std::move(code)),
        worker_(worker),
        core_({}, *this, origin),
        driver_(shared.loop, core_, [this] { Drain(); }),
        publish_(shared.loop) {}

  ~HostedRoom() override {
    for (auto& [id, stream] : streams_) stream->Close();
    for (const auto& [request, http] : translations_) shared_.translation.Cancel(http);
    for (const auto& [request, http] : syntheses_) shared_.synthesis.Cancel(http);
    Publish();
  }

  interpreter::RoomInterpreter& core() { return core_; }
  void set_worker(std::size_t worker) { worker_ = worker; }

  // After each call into the core.
  void Drain() {
    while (auto output = core_.Poll()) {
      std::visit([this](const auto& o) { Handle(o); }, *output);
    }
    if (!publish_.armed()) publish_.StartIn(kPublishEvery, [this] { Publish(); });
    driver_.Update();
  }

 private:
  // Runs `call` on the core from a callback of a client.
  template <class F>
  void Into(F call) {
    call(core_, io::Now());
    Drain();
  }

  // --- AudioSink ---
  void OpenStt(StreamId stream, const Language& lang) override {
    streams_[stream] =
        SttStream::Open(shared_.loop, shared_.urls.stt, lang, [this, stream](const interpreter::SttEvent& event) {
          if (event.kind == interpreter::SttEvent::Kind::kClosed) streams_.erase(stream);
          Into([&](auto& core, Time now) { core.HandleSttEvent(stream, event, now); });
        });
  }
  void SendSttAudio(StreamId stream, std::span<const std::int16_t> pcm) override {
    if (const auto it = streams_.find(stream); it != streams_.end()) it->second->SendAudio(pcm);
  }
  void FlushStt(StreamId stream) override {
    if (const auto it = streams_.find(stream); it != streams_.end()) it->second->Flush();
  }
  void CloseStt(StreamId stream) override {
    const auto it = streams_.find(stream);
    if (it == streams_.end()) return;
    it->second->Close();
    streams_.erase(it);
  }
  void InjectAudio(const ParticipantId& speaker, const Language& language, ByteView opus, std::uint32_t timestamp,
                   bool marker, std::int8_t level, bool voice) override {
    const auto track = tracks_.find({speaker, language});
    if (track == tracks_.end() || worker_ >= shared_.workers.size() || !shared_.workers[worker_]) return;
    shared_.workers[worker_]->Inject({.producer = track->second,
                                      .timestamp = timestamp,
                                      .marker = marker,
                                      .level_dbov = level,
                                      .voice = voice,
                                      .opus = Bytes(opus.begin(), opus.end())});
  }

  // --- outputs ---
  void Handle(const interpreter::SetTap& tap) {
    if (tap.on) shared_.rooms_of_microphones[tap.producer] = code_;
    else shared_.rooms_of_microphones.erase(tap.producer);
    Tell([code = code_, tap](auto& o) { o.OnTap(code, tap.producer, tap.on); });
  }
  void Handle(const interpreter::PrepareTranslation& p) { shared_.translation.Prepare(p.from, p.to); }
  void Handle(const interpreter::Translate& t) {
    const Duration timeout = t.deadline - io::Now();
    translations_[t.request] = shared_.translation.Translate(
        t.text, t.from, t.to, timeout, [this, request = t.request](const interpreter::TranslationResult& result) {
          translations_.erase(request);
          Into([&](auto& core, Time now) { core.HandleTranslation(request, result, now); });
        });
  }
  void Handle(const interpreter::Synthesize& s) {
    const RequestId request = s.request;
    syntheses_[request] = shared_.synthesis.Synthesize(
        s.text, s.lang, s.voice, s.deadline,
        [this, request](std::vector<std::int16_t> pcm, bool last) {
          if (last) syntheses_.erase(request);
          Into([&](auto& core, Time now) { core.HandleSynthesisAudio(request, std::move(pcm), last, now); });
        },
        [this, request](const std::string& error, bool busy) {
          syntheses_.erase(request);
          Into([&](auto& core, Time now) {
            if (busy) core.HandleSynthesisBusy(request, now);
            else core.HandleSynthesisError(request, error, now);
          });
        });
  }
  void Handle(const interpreter::CancelRequest& c) {
    if (const auto it = translations_.find(c.request); it != translations_.end()) {
      shared_.translation.Cancel(it->second);
      translations_.erase(it);
    }
    if (const auto it = syntheses_.find(c.request); it != syntheses_.end()) {
      shared_.synthesis.Cancel(it->second);
      syntheses_.erase(it);
    }
  }
  void Handle(const interpreter::Caption& caption) {
    Tell([code = code_, caption](auto& o) { o.OnCaption(code, caption); });
  }
  void Handle(const interpreter::AddTranslatedTrack& track) {
    const ProducerId id(shared_.random.Id());
    tracks_[{track.speaker, track.language}] = id;
    Tell([code = code_, track, id](auto& o) { o.OnTrackWanted(code, track, id); });
  }
  void Handle(const interpreter::RemoveTranslatedTrack& track) {
    const auto it = tracks_.find({track.speaker, track.language});
    if (it == tracks_.end()) return;
    Tell([code = code_, id = it->second](auto& o) { o.OnTrackUnwanted(code, id); });
    tracks_.erase(it);
  }
  void Handle(const interpreter::ServiceState& state) {
    Tell([code = code_, state](auto& o) { o.OnServiceState(code, state); });
  }
  void Handle(const interpreter::MetricSample& sample) { shared_.metrics.Observe(sample); }

  void Tell(std::function<void(InterpreterObserver&)> fn) { shared_.tell(std::move(fn)); }
  void Publish() { shared_.metrics.Publish(core_.stats(), published_); }

  Shared& shared_;
  const RoomCode code_;
  std::size_t worker_;
  std::map<StreamId, std::shared_ptr<SttStream>> streams_;
  std::map<RequestId, std::uint64_t> translations_;
  std::map<RequestId, std::uint64_t> syntheses_;
  std::map<TrackKey, ProducerId> tracks_;
  interpreter::InterpreterStats published_;
  interpreter::RoomInterpreter core_;
  io::Driver<interpreter::RoomInterpreter> driver_;
  io::Timer publish_;
};

}  // namespace

class InterpreterHost::Impl {
 public:
  Impl(io::Loop& control, const SpeechUrls& urls, Metrics& metrics, InterpreterObserver& observer)
      : thread_("interpreter"), taps_(kTapBox, [this] { thread_.loop().Post([this] { DrainTaps(); }); }) {
    io::RunOn(thread_.loop(), [&] { shared_ = std::make_unique<Shared>(thread_.loop(), urls, metrics); });
    shared_->tell = [&control, &observer, alive = alive_](std::function<void(InterpreterObserver&)> fn) {
      control.Post([&observer, alive, fn = std::move(fn)] {
        if (*alive) fn(observer);
      });
    };
  }
  ~Impl() {
    *alive_ = false;
    io::RunOn(thread_.loop(), [this] {
      rooms_.clear();
      shared_.reset();
    });
    thread_.Stop();
  }

  // On the interpreter loop, in the order of the calls.
  void Post(std::function<void()> fn) {
    thread_.loop().Post([this, fn = std::move(fn)] {
      if (shared_) fn();
    });
  }
  template <class F>
  void PostTo(const RoomCode& code, F call) {
    Post([this, code, call = std::move(call)] {
      const auto it = rooms_.find(code);
      if (it == rooms_.end()) return;
      call(it->second->core(), io::Now());
      it->second->Drain();
    });
  }

  void AddRoom(const RoomCode& code, std::size_t worker, Time origin) {
    auto& room = rooms_[code];
    room = std::make_unique<HostedRoom>(*shared_, code, worker, origin);
    room->core().SetAvailability(availability_, io::Now());
    for (std::size_t i = 0; i < interpreter::kServices; ++i) {
      if (!up_[i]) room->core().HandleServiceHealth(static_cast<Service>(i), false, io::Now());
    }
    room->Drain();
  }

  void DrainTaps() {
    if (!shared_) return;
    for (TappedFrame& frame : taps_.TakeAll()) {
      const auto code = shared_->rooms_of_microphones.find(frame.producer());
      if (code == shared_->rooms_of_microphones.end()) continue;
      const auto room = rooms_.find(code->second);
      if (room == rooms_.end()) continue;
      room->second->core().HandleTappedPacket(code->first,
                                              {.sequence = frame.sequence,
                                               .timestamp = frame.timestamp,
                                               .level_dbov = frame.level_dbov,
                                               .arrival = frame.arrival,
                                               .payload = ByteView(frame.payload).first(frame.size)},
                                              io::Now());
      room->second->Drain();
    }
  }

  io::LoopThread thread_;
  TapMailbox taps_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // control loop only
  // Interpreter loop only.
  std::unique_ptr<Shared> shared_;
  std::unordered_map<RoomCode, std::unique_ptr<HostedRoom>> rooms_;
  interpreter::Availability availability_;
  std::array<bool, interpreter::kServices> up_{true, true, true};
};

InterpreterHost::InterpreterHost(io::Loop& control, const SpeechUrls& urls, Metrics& metrics,
                                 InterpreterObserver& observer)
    : impl_(std::make_unique<Impl>(control, urls, metrics, observer)) {}
InterpreterHost::~InterpreterHost() = default;

TapMailbox& InterpreterHost::taps() { return impl_->taps_; }

void InterpreterHost::SetWorkers(std::vector<MediaWorker*> workers) {
  io::RunOn(impl_->thread_.loop(), [&] { impl_->shared_->workers = std::move(workers); });
}

void InterpreterHost::AddRoom(const RoomCode& room, std::size_t worker, Time origin) {
  impl_->Post([this, room, worker, origin] { impl_->AddRoom(room, worker, origin); });
}
void InterpreterHost::MoveRoom(const RoomCode& room, std::size_t worker) {
  impl_->Post([this, room, worker] {
    if (const auto it = impl_->rooms_.find(room); it != impl_->rooms_.end()) it->second->set_worker(worker);
  });
}
void InterpreterHost::RemoveRoom(const RoomCode& room) {
  impl_->Post([this, room] { impl_->rooms_.erase(room); });
}
void InterpreterHost::SetParticipant(const RoomCode& room, const interpreter::Participant& participant) {
  impl_->PostTo(room, [participant](auto& core, Time now) { core.SetParticipant(participant, now); });
}
void InterpreterHost::RemoveParticipant(const RoomCode& room, const ParticipantId& participant) {
  impl_->PostTo(room, [participant](auto& core, Time now) { core.RemoveParticipant(participant, now); });
}
void InterpreterHost::SetMicrophone(const RoomCode& room, const ParticipantId& participant, const ProducerId& producer,
                                    bool paused) {
  impl_->PostTo(room, [=](auto& core, Time now) { core.SetMicrophone(participant, producer, paused, now); });
}
void InterpreterHost::RemoveMicrophone(const RoomCode& room, const ProducerId& producer) {
  impl_->PostTo(room, [producer](auto& core, Time now) { core.RemoveMicrophone(producer, now); });
}
void InterpreterHost::SetAvailability(const interpreter::Availability& availability) {
  impl_->Post([this, availability] {
    impl_->availability_ = availability;
    for (auto& [code, room] : impl_->rooms_) {
      room->core().SetAvailability(availability, io::Now());
      room->Drain();
    }
  });
}
void InterpreterHost::SetExpectedLoss(const RoomCode& room, const ParticipantId& speaker, const Language& language,
                                      int percent) {
  impl_->PostTo(room, [=](auto& core, Time) { core.SetExpectedLoss(speaker, language, percent); });
}
void InterpreterHost::SetServiceHealth(Service service, bool up) {
  impl_->Post([this, service, up] {
    impl_->up_[static_cast<std::size_t>(service)] = up;
    for (auto& [code, room] : impl_->rooms_) {
      room->core().HandleServiceHealth(service, up, io::Now());
      room->Drain();
    }
  });
}

}  // namespace jb::services
