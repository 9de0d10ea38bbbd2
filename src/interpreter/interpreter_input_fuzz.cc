// SPDX-License-Identifier: Apache-2.0
// A RoomInterpreter under random rooms, packets, answers and time steps. Each input byte pair is an
// event. Checked on every output: caption revisions grow and end with final, frames keep the cadence
// and belong to a track that is there, streams and requests are used as promised, deadlines pass.
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "interpreter/room_interpreter.h"
#include "media/audio/opus_encoder.h"
#include "media/audio/test_signal.h"

namespace {

using namespace jb;
using namespace jb::interpreter;

const std::vector<Bytes>& Packets() {
  static const std::vector<Bytes> packets = [] {
    std::vector<Bytes> out;
    media::OpusEncoder encoder;
    const auto pcm = media::testing::SpeechLike(48000, 1.0);
    for (std::size_t at = 0; at + 960 <= pcm.size(); at += 960) {
      Bytes packet(media::kMaxOpusFrameBytes);
      packet.resize(encoder.Encode(std::span(pcm).subspan(at).first<960>(), packet));
      out.push_back(packet);
    }
    return out;
  }();
  return packets;
}

class Fuzz : public AudioSink {
 public:
  explicit Fuzz(ByteReader in) : in_(in), room_({}, *this, now_) {}

  void Run() {
    Drain();
    for (int events = 0; in_.remaining() > 0 && events < 2000; ++events) {
      Event(in_.U8());
      Drain();
    }
    for (int i = 0; i < 4; ++i) Advance(std::chrono::seconds(10));  // everything ends by itself
    for (const auto& [id, c] : captions_) JB_CHECK(c.final);
    JB_CHECK(requests_.empty());
  }

 private:
  ParticipantId Person() { return ParticipantId(std::string(1, static_cast<char>('a' + in_.U8() % 4))); }
  ProducerId Mic() { return ProducerId(std::string(1, static_cast<char>('m' + in_.U8() % 4))); }
  Language Tongue() {
    static const char* const kTongues[] = {"en", "es", "ca", "fr"};
    return Language(kTongues[in_.U8() % 4]);
  }
  StreamId Stream() { return StreamId(1 + in_.U8() % (last_stream_ + 1)); }
  RequestId Request() {
    if (requests_.empty()) return RequestId(in_.U8());
    auto it = requests_.begin();
    std::advance(it, in_.U8() % requests_.size());
    return *it;
  }

  void Event(std::uint8_t kind) {
    switch (kind % 16) {
      case 0:
        return room_.SetParticipant(
            {Person(), Tongue(), Tongue(), in_.U8() % 2 ? VoiceChoice::kTranslated : VoiceChoice::kOriginal}, now_);
      case 1: return room_.RemoveParticipant(Person(), now_);
      case 2: {
        const ParticipantId who = Person();
        return room_.SetMicrophone(who, Mic(), in_.U8() % 4 == 0, now_);
      }
      case 3: return room_.RemoveMicrophone(Mic(), now_);
      case 4: return SetAvailability(in_.U8());
      case 5:
      case 6: return SpeechBurst();
      case 7: return RawPacket();
      case 8:
      case 9:
      case 10: return Stt();
      case 11: {
        const RequestId id = Request();
        requests_.erase(id);
        if (in_.U8() % 4 == 0) return room_.HandleTranslation(id, {.error = "no"}, now_);
        return room_.HandleTranslation(id, {.text = Text()}, now_);
      }
      case 12:
      case 13: return Sound();
      case 14: return room_.HandleServiceHealth(static_cast<Service>(in_.U8() % 3), in_.U8() % 2 != 0, now_);
      default: return Advance(std::chrono::milliseconds(1 << (in_.U8() % 13)));
    }
  }

  void SetAvailability(std::uint8_t bits) {
    Availability a;
    if (bits & 1) a.stt = {Language("en"), Language("fr")};
    if (bits & 2)
      a.translation = {
          {Language("en"), Language("es")}, {Language("en"), Language("ca")}, {Language("fr"), Language("es")}};
    if (bits & 4) a.tts = {Language("es"), Language("ca")};
    room_.SetAvailability(a, now_);
  }

  void SpeechBurst() {
    const ProducerId mic = Mic();
    for (int n = in_.U8() % 40; n > 0; --n) {
      const std::size_t i = seq_ % Packets().size();
      room_.HandleTappedPacket(
          mic, {.sequence = seq_, .timestamp = seq_ * 960u, .level_dbov = {}, .arrival = now_, .payload = Packets()[i]},
          now_);
      ++seq_;
      Drain();
      Advance(std::chrono::milliseconds(20));
    }
  }
  void RawPacket() {
    const ProducerId mic = Mic();
    const std::uint16_t seq = in_.U16();
    const ByteView payload = in_.Take(std::min<std::size_t>(in_.U8(), in_.remaining()));
    room_.HandleTappedPacket(mic,
                             {.sequence = seq,
                              .timestamp = in_.U32(),
                              .level_dbov = static_cast<std::int8_t>(in_.U8()),
                              .arrival = now_,
                              .payload = payload},
                             now_);
  }
  std::string Text() {
    const std::uint8_t n = in_.U8();
    if (n % 8 == 0) return std::string(AsText(in_.Take(std::min<std::size_t>(n, in_.remaining()))));
    std::string text;
    for (int i = 0; i < n; ++i) text += "word ";
    return text;
  }
  void Stt() {
    const StreamId stream = Stream();
    SttEvent e;
    e.kind = static_cast<SttEvent::Kind>(in_.U8() % 4);
    e.segment = in_.U8() % 16;
    e.text = Text();
    e.start_s = in_.U8() / 10.0;
    e.end_s = in_.U8() / 10.0;
    if (in_.U8() % 2) e.flush = in_.U8() % 8;
    if (e.kind == SttEvent::Kind::kClosed) streams_.erase(stream);
    room_.HandleSttEvent(stream, e, now_);
  }
  void Sound() {
    const RequestId id = Request();
    const std::uint8_t n = in_.U8();
    const bool last = n % 2;
    if (n % 7 == 0) {
      requests_.erase(id);
      return room_.HandleSynthesisError(id, "no", now_);
    }
    if (last) requests_.erase(id);
    room_.HandleSynthesisAudio(id, std::vector<std::int16_t>(n * 200u, 3000), last, now_);
  }

  void Advance(Duration by) {
    const Time end = now_ + by;
    int idle = 0;
    while (const auto deadline = room_.NextDeadline()) {
      if (*deadline > end) break;
      idle = *deadline > now_ ? 0 : idle + 1;
      JB_CHECK(idle < 3);  // a deadline that does not go away
      now_ = std::max(now_, *deadline);
      room_.HandleTimeout(now_);
      Drain();
    }
    now_ = end;
  }

  void Drain() {
    while (auto output = room_.Poll()) std::visit([this](auto& o) { Handle(o); }, *output);
  }

  // ---- what must hold ----
  void OpenStt(StreamId id, const Language&) override {
    JB_CHECK(id.value() == last_stream_ + 1);
    last_stream_ = id.value();
    streams_.insert(id);
  }
  void SendSttAudio(StreamId id, std::span<const std::int16_t> pcm) override {
    JB_CHECK(streams_.contains(id) && !pcm.empty() && pcm.size() < 16000);
  }
  void FlushStt(StreamId id) override { JB_CHECK(streams_.contains(id)); }
  void CloseStt(StreamId id) override { JB_CHECK(streams_.erase(id) == 1); }
  void InjectAudio(const ParticipantId& who, const Language& lang, ByteView opus, std::uint32_t timestamp, bool marker,
                   std::int8_t level, bool) override {
    const auto track = tracks_.find({who, lang});
    JB_CHECK(track != tracks_.end() && !opus.empty() && level <= 0);
    if (!marker) JB_CHECK(timestamp - track->second >= 960 && timestamp - track->second < 48000u * 20);
    track->second = timestamp;
  }
  void Handle(SetTap&) {}
  void Handle(PrepareTranslation& p) { JB_CHECK(p.from != p.to); }
  void Handle(Translate& t) {
    JB_CHECK(!t.text.empty() && t.from != t.to && requests_.insert(t.request).second);
    JB_CHECK(requests_.size() < 1000);
  }
  void Handle(Synthesize& s) { JB_CHECK(!s.text.empty() && requests_.insert(s.request).second); }
  void Handle(CancelRequest& c) { requests_.erase(c.request); }
  void Handle(Caption& c) {
    State& state = captions_[c.id];
    JB_CHECK(c.rev > state.rev && !state.final && c.start_ms <= c.end_ms);
    state = {c.rev, c.final};
  }
  void Handle(AddTranslatedTrack& t) { JB_CHECK(tracks_.emplace(std::pair(t.speaker, t.language), 0u).second); }
  void Handle(RemoveTranslatedTrack& t) { JB_CHECK(tracks_.erase({t.speaker, t.language}) == 1); }
  void Handle(ServiceState&) {}
  void Handle(MetricSample& m) { JB_CHECK(m.seconds >= 0); }

  struct State {
    std::uint32_t rev = 0;
    bool final = false;
  };
  ByteReader in_;
  Time now_{std::chrono::seconds(1000)};
  std::uint16_t seq_ = 65500;
  std::uint64_t last_stream_ = 0;
  std::set<StreamId> streams_;
  std::set<RequestId> requests_;
  std::map<std::string, State> captions_;
  std::map<std::pair<ParticipantId, Language>, std::uint32_t> tracks_;
  RoomInterpreter room_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Fuzz(ByteReader({data, size})).Run();
  return 0;
}
