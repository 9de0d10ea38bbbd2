// SPDX-License-Identifier: Apache-2.0
// What the interpreter itself costs and delays, without the services: microphones that speak without
// end into a RoomInterpreter whose stt, translation and tts answer in the same instant.
//   tap:    a packet handed in → its PCM handed to stt
//   inject: PCM handed in → the first Opus frame handed out
// Both are wall time of calls into the core on one thread; the hand-over between threads is not in it.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "interpreter/room_interpreter.h"
#include "media/audio/opus_encoder.h"
#include "media/audio/test_signal.h"

namespace {

using namespace jb;
using namespace jb::interpreter;

double WallUs() {
  using namespace std::chrono;
  return duration<double, std::micro>(steady_clock::now().time_since_epoch()).count();
}
double CpuSeconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

struct Series {
  std::vector<double> us;
  double At(double share) {
    if (us.empty()) return 0;
    std::sort(us.begin(), us.end());
    return us[std::min(us.size() - 1, static_cast<std::size_t>(share * static_cast<double>(us.size())))];
  }
};

class Bench : public AudioSink {
 public:
  Bench(int speakers, std::vector<Bytes> packets)
      : speakers_(speakers), packets_(std::move(packets)), room_({}, *this, now_) {
    const Language en("en");
    const Language es("es");
    room_.SetAvailability({.stt = {en}, .translation = {{en, es}}, .tts = {es}}, now_);
    room_.SetParticipant({ParticipantId("listener"), es, es}, now_);
    for (int i = 0; i < speakers_; ++i) {
      room_.SetParticipant({ParticipantId(std::to_string(i)), en, en}, now_);
      room_.SetMicrophone(ParticipantId(std::to_string(i)), Mic(i), false, now_);
    }
    Drain();
  }

  // 2 s of speech, 1 s of silence, and so on.
  void Run(int seconds) {
    const double cpu = CpuSeconds();
    for (std::uint32_t n = 0; n < static_cast<std::uint32_t>(seconds) * 50; ++n) {
      for (int i = 0; i < speakers_; ++i) {
        const bool speaks = (n + static_cast<std::uint32_t>(i) * 37) % 150 < 100;
        Packet(i, n, speaks ? packets_[n % (packets_.size() - 1)] : packets_.back());
      }
      now_ += std::chrono::milliseconds(20);
      room_.HandleTimeout(now_);
      Drain();
    }
    const double used = CpuSeconds() - cpu;
    const InterpreterStats& s = room_.stats();
    std::printf(
        "speakers %2d  %d s: tap p50 %.3f p95 %.3f ms, inject p50 %.3f p95 %.3f ms, "
        "%.2f ms of CPU per second and speaker (%llu sentences, %llu frames)\n",
        speakers_, seconds, tap_.At(.5) / 1000, tap_.At(.95) / 1000, inject_.At(.5) / 1000, inject_.At(.95) / 1000,
        used * 1000 / seconds / speakers_, static_cast<unsigned long long>(s.sentences),
        static_cast<unsigned long long>(s.frames_injected));
  }

 private:
  static ProducerId Mic(int i) { return ProducerId("mic" + std::to_string(i)); }

  void Packet(int i, std::uint32_t n, ByteView payload) {
    tap_from_ = WallUs();
    room_.HandleTappedPacket(Mic(i),
                             {.sequence = static_cast<std::uint16_t>(n),
                              .timestamp = n * 960,
                              .level_dbov = {},
                              .arrival = now_,
                              .payload = payload},
                             now_);
    tap_from_ = 0;
    Answer();
  }
  void Answer() {
    for (const StreamId stream : std::exchange(flushed_, {})) {
      SttEvent e{.kind = SttEvent::Kind::kFinal, .segment = ++segment_, .text = "one two three four five six"};
      e.flush = 0xFFFF;
      room_.HandleSttEvent(stream, e, now_);
      Drain();
    }
  }
  void Drain() {
    while (auto output = room_.Poll()) {
      if (const auto* t = std::get_if<Translate>(&*output)) {
        room_.HandleTranslation(t->request, {.text = t->text}, now_);
      } else if (const auto* s = std::get_if<Synthesize>(&*output)) {
        auto pcm = media::testing::Sine(48000, 200, 2.0);
        inject_from_ = WallUs();
        room_.HandleSynthesisAudio(s->request, std::move(pcm), true, now_);
        inject_from_ = 0;
      }
    }
  }

  void OpenStt(StreamId, const Language&) override {}
  void SendSttAudio(StreamId, std::span<const std::int16_t>) override {
    if (tap_from_ > 0) tap_.us.push_back(WallUs() - tap_from_);
  }
  void FlushStt(StreamId stream) override { flushed_.push_back(stream); }
  void CloseStt(StreamId) override {}
  void InjectAudio(const ParticipantId&, const Language&, ByteView, std::uint32_t, bool, std::int8_t, bool) override {
    if (inject_from_ > 0) inject_.us.push_back(WallUs() - inject_from_);
    inject_from_ = 0;
  }

  const int speakers_;
  const std::vector<Bytes> packets_;
  Time now_{std::chrono::seconds(100)};
  RoomInterpreter room_;
  std::vector<StreamId> flushed_;
  std::uint64_t segment_ = 0;
  double tap_from_ = 0;
  double inject_from_ = 0;
  Series tap_, inject_;
};

std::vector<Bytes> Encode(const std::vector<std::int16_t>& pcm) {
  media::OpusEncoder encoder;
  std::vector<Bytes> packets;
  for (std::size_t at = 0; at + 960 <= pcm.size(); at += 960) {
    std::array<std::uint8_t, media::kMaxOpusFrameBytes> out;
    const std::size_t n = encoder.Encode(std::span(pcm).subspan(at).first<960>(), out);
    packets.emplace_back(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(n));
  }
  return packets;
}

}  // namespace

int main(int argc, char** argv) {
  const int seconds = argc > 1 ? std::atoi(argv[1]) : 60;
  std::vector<Bytes> packets = Encode(media::testing::SpeechLike(48000, 10.0));
  packets.push_back(Encode(media::testing::Noise(48000, 0.5, 0.0003)).back());
  for (const int speakers : {1, 10}) Bench(speakers, packets).Run(seconds);
  return 0;
}
