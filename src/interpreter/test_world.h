// SPDX-License-Identifier: Apache-2.0
// A room in virtual time for tests: people who speak on cue, services that answer after a known time,
// a record of all that comes out, and the invariants checked on every output. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "interpreter/room_interpreter.h"
#include "interpreter/speech_text.h"
#include "media/audio/opus_decoder.h"
#include "media/audio/opus_encoder.h"
#include "media/audio/test_signal.h"

namespace jb::interpreter::testing {

inline std::vector<Bytes> EncodePackets(const std::vector<std::int16_t>& pcm) {
  media::OpusEncoder encoder;
  std::vector<Bytes> packets;
  for (std::size_t at = 0; at + 960 <= pcm.size(); at += 960) {
    std::array<std::uint8_t, media::kMaxOpusFrameBytes> out;
    const std::size_t n = encoder.Encode(std::span(pcm).subspan(at).first<960>(), out);
    packets.emplace_back(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(n));
  }
  return packets;
}
inline const std::vector<Bytes>& SpeechPackets() {
  static const auto packets = EncodePackets(media::testing::SpeechLike(48000, 20.0));
  return packets;
}
inline const Bytes& SilencePacket() {
  static const auto packets = EncodePackets(media::testing::Noise(48000, 1.0, 0.0003));
  return packets[20];
}

inline Language L(const char* tag) { return Language(tag); }
inline ParticipantId P(const char* id) { return ParticipantId(id); }

// Latencies of the fake services, and whether they answer at all.
struct FakeServices {
  Duration stt_connect = 3ms;
  Duration stt_final = 100ms;
  Duration translation = 10ms;
  Duration tts_first = 40ms;
  double tts_speed = 20;                                                 // seconds of sound per second, after the first
  double tts_stretch = 1.0;                                              // sound per expected length
  bool tts_like_speech = false;                                          // else a tone
  bool stt_up = true, translation_up = true, tts_up = true;              // refuse at once
  bool busy = false;                                                     // they refuse for want of a place only
  bool stt_hangs = false, translation_hangs = false, tts_hangs = false;  // never answer
};

class World : public AudioSink {
 public:
  struct Frame {
    Time at;
    std::uint32_t timestamp;
    bool marker;
    std::int8_t level;
    bool voice;
    Bytes opus;
  };
  struct Timed {
    Time at;
    Caption caption;
  };
  struct SttLog {
    Language lang;
    std::uint64_t samples = 0;
    int flushes = 0;
    bool closed = false;
  };

  explicit World(InterpreterOptions options = {}) : room(options, *this, now) {
    Do([&] {
      room.SetAvailability(
          {.stt = {L("en"), L("fr")},
           .translation = {{L("en"), L("es")}, {L("en"), L("ca")}, {L("fr"), L("es")}, {L("es"), L("en")}},
           .tts = {L("es"), L("ca"), L("en")}},
          now);
    });
  }

  // ---- people ----
  void Join(const char* id, const char* speaks, const char* hears, VoiceChoice voice = VoiceChoice::kTranslated) {
    Do([&] { room.SetParticipant({P(id), L(speaks), L(hears), voice}, now); });
  }
  void Leave(const char* id) {
    Do([&] { room.RemoveParticipant(P(id), now); });
    std::erase_if(mics_, [&](const auto& m) { return m.second.owner == id; });
  }
  void OpenMic(const char* id) { SetMic(id, false); }
  void SetMic(const char* id, bool paused) {
    Mic& mic = mics_[Producer(id)];
    mic.owner = id;
    mic.sending = !paused;
    if (mic.next == Time{}) mic.next = now;
    Do([&] { room.SetMicrophone(P(id), Producer(id), paused, now); });
  }
  void CloseMic(const char* id) {
    mics_.erase(Producer(id));
    Do([&] { room.RemoveMicrophone(Producer(id), now); });
  }
  // Speaks for so long from now on, then stays silent. Time does not pass.
  void StartSpeaking(const char* id, Duration length) {
    mics_.at(Producer(id)).speak_until = now + length;
    mics_.at(Producer(id)).speech_at = 0;
  }
  void StopSending(const char* id) { mics_.at(Producer(id)).sending = false; }
  void ResumeSending(const char* id) { mics_.at(Producer(id)).sending = true; }
  // Drops packets for which it says so.
  std::function<bool(std::uint16_t seq)> lose = [](std::uint16_t) { return false; };
  static ProducerId Producer(const char* id) { return ProducerId(std::string("mic-") + id); }

  // ---- time ----
  void Run(Duration length) {
    const Time end = now + length;
    while (true) {
      Time next = end;
      if (const auto deadline = room.NextDeadline()) next = std::min(next, std::max(*deadline, now));
      if (!events_.empty()) next = std::min(next, events_.begin()->first);
      for (const auto& [id, mic] : mics_) next = std::min(next, mic.next);
      now = std::max(now, next);
      Step();
      if (now >= end) return;
    }
  }
  void Speak(const char* id, Duration length, Duration then = 2s) {
    StartSpeaking(id, length);
    Run(length + then);
  }

  // ---- what came out ----
  std::vector<Timed> captions;
  std::map<std::pair<std::string, std::string>, std::vector<Frame>> frames;  // by speaker and language
  std::map<ProducerId, bool> taps;
  std::map<std::pair<std::string, std::string>, int> tracks;  // 1: there
  std::vector<Translate> translate_log;
  std::vector<std::pair<std::string, std::string>> prepared;
  std::vector<Synthesize> synthesize_log;
  std::vector<RequestId> cancelled;
  std::map<StreamId, SttLog> stt_log;
  std::vector<std::pair<Time, ServiceState>> states;
  std::map<MetricKind, std::vector<double>> metrics;
  std::uint64_t steps = 0;

  std::vector<Caption> Finals() const {
    std::vector<Caption> out;
    for (const auto& c : captions) {
      if (c.caption.final) out.push_back(c.caption);
    }
    return out;
  }
  const std::vector<Frame>& FramesOf(const char* speaker, const char* lang) { return frames[{speaker, lang}]; }
  Time FirstVoice(const char* speaker, const char* lang, Time after = {}) {
    for (const Frame& f : FramesOf(speaker, lang)) {
      if (f.voice && f.at >= after) return f.at;
    }
    return kNever;
  }
  void HealthChanges(Service service, bool up) {
    Do([&] { room.HandleServiceHealth(service, up, now); });
  }
  void KillStt() {
    services.stt_up = false;
    std::vector<StreamId> open;
    for (const auto& [id, stream] : streams_) open.push_back(id);
    for (const StreamId id : open) CloseFromService(id);
  }

  // One step with a mutation of the room, after which everything is drained.
  void Do(const std::function<void()>& mutation) {
    mutation();
    while (auto output = room.Poll()) std::visit([this](auto& o) { Handle(o); }, *output);
    ++steps;
  }

  FakeServices services;
  Time now{100s};
  RoomInterpreter room;

 private:
  struct Mic {
    std::string owner;
    bool sending = true;
    Time next{};
    Time speak_until{};
    std::size_t speech_at = 0;
    std::uint16_t seq = 65000;
    std::uint32_t timestamp = 0xFFFF0000u;
  };
  struct Stream {
    std::uint64_t samples = 0;
    std::uint64_t segment_start = 0;
    std::uint64_t segment = 1;
    std::uint64_t shown_words = 0;
    std::uint32_t flushes = 0;
  };

  void At(Time when, std::function<void()> event) { events_.emplace(when, std::move(event)); }

  void Step() {
    while (!events_.empty() && events_.begin()->first <= now) {
      const auto event = std::move(events_.begin()->second);
      events_.erase(events_.begin());
      Do(event);
    }
    for (auto& [id, mic] : mics_) {
      while (mic.next <= now) SendPacket(id, mic);
    }
    Do([&] { room.HandleTimeout(now); });
    if (const auto deadline = room.NextDeadline()) {
      ASSERT_GT(*deadline, now) << "a deadline that does not go away";
    }
  }

  void SendPacket(const ProducerId& id, Mic& mic) {
    const bool speaking = mic.next < mic.speak_until;
    const Bytes& payload = speaking ? SpeechPackets()[mic.speech_at++ % SpeechPackets().size()] : SilencePacket();
    mic.next += 20ms;
    mic.timestamp += 960;
    if (!mic.sending) return;
    ++mic.seq;
    if (lose(mic.seq)) return;
    Do([&] {
      room.HandleTappedPacket(id,
                              {.sequence = mic.seq,
                               .timestamp = mic.timestamp,
                               .level_dbov = static_cast<std::int8_t>(speaking ? -20 : -75),
                               .arrival = now,
                               .payload = payload},
                              now);
    });
  }

  // ---- stt: a word per 300 ms of sound, a partial for each, a final for each flush ----
  void OpenStt(StreamId id, const Language& lang) override {
    EXPECT_FALSE(stt_log.contains(id)) << "stream ids are not reused";
    stt_log[id].lang = lang;
    streams_[id] = {};
    if (!services.stt_up) return At(now + 1ms, [this, id] { CloseFromServiceInside(id); });
    At(now + services.stt_connect, [this, id] { room.HandleSttEvent(id, {.kind = SttEvent::Kind::kOpened}, now); });
  }
  void SendSttAudio(StreamId id, std::span<const std::int16_t> pcm) override {
    ASSERT_TRUE(stt_log.contains(id) && !stt_log[id].closed);
    stt_log[id].samples += pcm.size();
    const auto it = streams_.find(id);
    if (it == streams_.end()) return;
    Stream& s = it->second;
    s.samples += pcm.size();
    const std::uint64_t words = (s.samples - s.segment_start) / 4800;
    if (words <= s.shown_words || services.stt_hangs) return;
    s.shown_words = words;
    At(now + 20ms, [this, id, e = Event(SttEvent::Kind::kPartial, s, words)] { room.HandleSttEvent(id, e, now); });
  }
  void FlushStt(StreamId id) override {
    ASSERT_TRUE(stt_log.contains(id) && !stt_log[id].closed);
    ++stt_log[id].flushes;
    const auto it = streams_.find(id);
    if (it == streams_.end() || services.stt_hangs) return;
    Stream& s = it->second;
    SttEvent e = Event(SttEvent::Kind::kFinal, s, (s.samples - s.segment_start) / 4800);
    e.flush = ++s.flushes;
    ++s.segment;
    s.segment_start = s.samples;
    s.shown_words = 0;
    At(now + services.stt_final, [this, id, e] { room.HandleSttEvent(id, e, now); });
  }
  void CloseStt(StreamId id) override {
    ASSERT_TRUE(stt_log.contains(id) && !stt_log[id].closed);
    stt_log[id].closed = true;
    streams_.erase(id);
  }
  static SttEvent Event(SttEvent::Kind kind, const Stream& s, std::uint64_t words) {
    SttEvent e{.kind = kind, .segment = s.segment};
    for (std::uint64_t i = 0; i < words; ++i) {
      e.text += (i ? " word" : "word") + std::to_string(s.segment) + "x" + std::to_string(i);
    }
    e.start_s = static_cast<double>(s.segment_start) / 16000;
    e.end_s = static_cast<double>(s.samples) / 16000;
    return e;
  }
  void CloseFromServiceInside(StreamId id) {
    streams_.erase(id);
    if (stt_log[id].closed) return;
    stt_log[id].closed = true;
    room.HandleSttEvent(id, {.kind = SttEvent::Kind::kClosed, .error = "gone"}, now);
  }
  void CloseFromService(StreamId id) {
    Do([&] { CloseFromServiceInside(id); });
  }

  void InjectAudio(const ParticipantId& speaker, const Language& lang, ByteView opus, std::uint32_t timestamp,
                   bool marker, std::int8_t level, bool voice) override {
    ASSERT_EQ((tracks[{speaker.value(), lang.value()}]), 1) << "a frame for a track that is not there";
    frames[{speaker.value(), lang.value()}].push_back(
        {now, timestamp, marker, level, voice, Bytes(opus.begin(), opus.end())});
  }

  // ---- outputs ----
  void Handle(SetTap& tap) { taps[tap.producer] = tap.on; }
  void Handle(PrepareTranslation& p) { prepared.emplace_back(p.from.value(), p.to.value()); }
  void Handle(Translate& t) {
    translate_log.push_back(t);
    if (services.translation_hangs) return;
    if (!services.translation_up) {
      return At(now + 1ms, [this, id = t.request] {
        room.HandleTranslation(id, {.text = {}, .error = "refused", .busy = services.busy}, now);
      });
    }
    At(now + services.translation, [this, t] {
      room.HandleTranslation(t.request, {.text = "[" + t.to.value() + "] " + t.text, .error = {}}, now);
    });
  }
  void Handle(Synthesize& s) {
    synthesize_log.push_back(s);
    if (services.tts_hangs) return;
    if (!services.tts_up) {
      return At(now + 1ms, [this, id = s.request] {
        if (services.busy) room.HandleSynthesisBusy(id, now);
        else room.HandleSynthesisError(id, "refused", now);
      });
    }
    const double seconds = ToSeconds(SpokenLength(s.text)) * services.tts_stretch;
    const auto chunks = static_cast<int>(seconds / 0.1) + 1;
    for (int i = 0; i < chunks; ++i) {
      const Duration after(static_cast<std::int64_t>(1e6 * 0.1 * i / services.tts_speed));
      At(now + services.tts_first + after, [this, id = s.request, last = i + 1 == chunks] {
        room.HandleSynthesisAudio(id,
                                  services.tts_like_speech ? media::testing::SpeechLike(48000, 0.1)
                                                           : media::testing::Sine(48000, 300, 0.1),
                                  last, now);
      });
    }
  }
  void Handle(CancelRequest& c) { cancelled.push_back(c.request); }
  void Handle(Caption& c) {
    std::uint32_t& rev = revs_[c.id];
    EXPECT_GT(c.rev, rev) << "rev grows";
    EXPECT_FALSE(final_ids_[c.id]) << "nothing follows a final caption";
    EXPECT_LE(c.start_ms, c.end_ms);
    rev = c.rev;
    final_ids_[c.id] = c.final;
    captions.push_back({now, c});
  }
  void Handle(AddTranslatedTrack& t) { EXPECT_EQ((++tracks[{t.speaker.value(), t.language.value()}]), 1); }
  void Handle(RemoveTranslatedTrack& t) { EXPECT_EQ((--tracks[{t.speaker.value(), t.language.value()}]), 0); }
  void Handle(ServiceState& s) { states.emplace_back(now, s); }
  void Handle(MetricSample& m) {
    EXPECT_GE(m.seconds, 0);
    metrics[m.kind].push_back(m.seconds);
  }

  std::map<ProducerId, Mic> mics_;
  std::multimap<Time, std::function<void()>> events_;
  std::map<StreamId, Stream> streams_;
  std::map<std::string, std::uint32_t> revs_;
  std::map<std::string, bool> final_ids_;
};

}  // namespace jb::interpreter::testing
