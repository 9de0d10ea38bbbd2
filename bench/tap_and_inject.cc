// SPDX-License-Identifier: Apache-2.0
// What the call itself adds to an interpretation, without the services: real threads, real sockets on
// loopback, SRTP, and an stt, a translation and a tts that answer in the same instant.
//   tap:    a microphone packet handed to its sender's socket → its PCM handed to stt
//           (sender's SRTP, kernel, media loop, SRTP, mailbox, interpreter loop, jitter buffer, Opus, detector, gate)
//   voice:  the PCM of an utterance handed in → its first packet decrypted by the listener
//           (stretch, Opus, mailbox, media loop, SRTP, kernel, listener's SRTP)
//   inject: a frame let go by the interpreter → the same, for every frame; its pacing of 20 ms is before that
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "client/audio_track.h"
#include "client/peer_link.h"
#include "client/remote_track.h"
#include "crypto/certificate.h"
#include "crypto/random.h"
#include "interpreter/room_interpreter.h"
#include "media/audio/test_signal.h"
#include "services/gateway/media_worker.h"

namespace {

using namespace jb;
using namespace jb::interpreter;
using services::MediaWorker;
using services::TappedFrame;

constexpr Duration kConnectWithin = std::chrono::seconds(10);

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "tap_and_inject: %s\n", why.c_str());
  std::exit(1);
}

ParticipantId Name(std::size_t i) { return ParticipantId("speaker-" + std::to_string(i)); }
ProducerId Mic(std::size_t i) { return ProducerId("mic-" + std::to_string(i)); }
ProducerId Voice(std::size_t i) { return ProducerId("voice-" + std::to_string(i)); }

// When things were let go, told by one thread and asked by another.
class Ledger {
 public:
  void Note(std::size_t speaker, std::uint32_t number, Time at) {
    std::lock_guard lock(mutex_);
    times_[{speaker, number}] = at;
  }
  std::optional<Time> Take(std::size_t speaker, std::uint32_t number) {
    std::lock_guard lock(mutex_);
    const auto it = times_.find({speaker, number});
    if (it == times_.end()) return std::nullopt;
    const Time at = it->second;
    times_.erase(it);
    return at;
  }

 private:
  std::mutex mutex_;
  std::map<std::pair<std::size_t, std::uint32_t>, Time> times_;  // guarded by mutex_
};

struct Ledgers {
  Ledger sent;      // microphone packets, by sequence number
  Ledger injected;  // frames, by timestamp
  Ledger handed;    // the PCM of an utterance, by the timestamp of its first frame
};

class Series {
 public:
  void Add(std::optional<Time> from, Time to) {
    if (from) ms_.push_back(ToSeconds(to - *from) * 1000);
  }
  void Print(const char* name) {
    std::sort(ms_.begin(), ms_.end());
    std::printf("  %-6s p50 %6.2f  p95 %6.2f  max %6.2f ms (%zu of them)\n", name, At(.5), At(.95), At(1), ms_.size());
  }
  double At(double share) const {
    if (ms_.empty()) return 0;
    return ms_[std::min(ms_.size() - 1, static_cast<std::size_t>(share * static_cast<double>(ms_.size())))];
  }

 private:
  std::vector<double> ms_;
};

// The interpreter loop: one room, scripted services. Lives on its loop.
class Room : public AudioSink {
 public:
  Room(io::Loop& loop, MediaWorker& worker, Ledgers& ledgers, std::size_t speakers)
      : loop_(loop),
        worker_(worker),
        ledgers_(ledgers),
        room_({}, *this, io::Now()),
        driver_(loop, room_, [this] { Drain(); }) {
    const Language en("en"), es("es");
    const Time now = io::Now();
    room_.SetAvailability({.stt = {en}, .translation = {{en, es}}, .tts = {es}}, now);
    room_.SetParticipant({ParticipantId("listener"), es, es}, now);
    for (std::size_t i = 0; i < speakers; ++i) {
      indexes_[Name(i)] = i;
      microphones_[Mic(i)] = i;
      room_.SetParticipant({Name(i), en, en}, now);
      room_.SetMicrophone(Name(i), Mic(i), false, now);
    }
    Drain();
  }

  void HandleTap(const TappedFrame& frame) {
    const ProducerId microphone = frame.producer();
    tapped_ = ledgers_.sent.Take(microphones_.at(microphone), frame.sequence);
    room_.HandleTappedPacket(microphone,
                             {.sequence = frame.sequence,
                              .timestamp = frame.timestamp,
                              .level_dbov = frame.level_dbov,
                              .arrival = frame.arrival,
                              .payload = ByteView(frame.payload).first(frame.size)},
                             io::Now());
    tapped_.reset();
    Drain();
  }

  Series tap;
  const InterpreterStats& stats() const { return room_.stats(); }

 private:
  void Drain() {
    while (auto output = room_.Poll()) {
      if (const auto* t = std::get_if<Translate>(&*output)) {
        room_.HandleTranslation(t->request, {.text = t->text, .error = {}}, io::Now());
      } else if (const auto* s = std::get_if<Synthesize>(&*output)) {
        auto pcm = media::testing::Sine(48000, 200, 2.0);
        handed_ = io::Now();
        room_.HandleSynthesisAudio(s->request, std::move(pcm), true, *handed_);
        handed_.reset();
      }
    }
    driver_.Update();
  }

  void OpenStt(StreamId, const Language&) override {}
  void CloseStt(StreamId) override {}
  void SendSttAudio(StreamId, std::span<const std::int16_t>) override { tap.Add(tapped_, io::Now()); }
  void FlushStt(StreamId stream) override {
    loop_.Post([this, stream] {
      SttEvent e{.kind = SttEvent::Kind::kFinal, .segment = ++segment_, .text = "one two three four five six"};
      e.flush = 0xFFFF;
      room_.HandleSttEvent(stream, e, io::Now());
      Drain();
    });
  }
  void InjectAudio(const ParticipantId& speaker, const Language&, ByteView opus, std::uint32_t timestamp, bool marker,
                   std::int8_t level, bool voice) override {
    const std::size_t i = indexes_.at(speaker);
    if (handed_) ledgers_.handed.Note(i, timestamp, *std::exchange(handed_, std::nullopt));
    ledgers_.injected.Note(i, timestamp, io::Now());
    worker_.Inject({.producer = Voice(i),
                    .timestamp = timestamp,
                    .marker = marker,
                    .level_dbov = level,
                    .voice = voice,
                    .opus = Bytes(opus.begin(), opus.end())});
  }

  io::Loop& loop_;
  MediaWorker& worker_;
  Ledgers& ledgers_;
  std::map<ParticipantId, std::size_t> indexes_;
  std::map<ProducerId, std::size_t> microphones_;
  std::uint64_t segment_ = 0;
  std::optional<Time> tapped_;  // while the packet is being handled
  std::optional<Time> handed_;  // until the first frame of it
  RoomInterpreter room_;
  io::Driver<RoomInterpreter> driver_;
};

// Everything: the clients and the commands on this thread, the media loop and the interpreter loop on theirs.
class Bench {
 public:
  explicit Bench(std::size_t speakers) : interpreter_("interpreter"), taps_(4096, [this] { PostDrain(); }) {
    StartWorker();
    io::RunOn(interpreter_.loop(),
              [&] { room_ = std::make_unique<Room>(interpreter_.loop(), *worker_, ledgers_, speakers); });
    AddListener();
    for (std::size_t i = 0; i < speakers; ++i) AddSpeaker(i, speakers);
  }
  ~Bench() {
    io::RunOn(interpreter_.loop(), [this] { room_.reset(); });
    interpreter_.Stop();
  }

  void Run(int seconds) {
    const double cpu = InterpreterCpu();
    for (auto& speaker : speakers_) Send(*speaker);
    control_.RunUntil([] { return false; }, std::chrono::seconds(seconds));
    const double used = (InterpreterCpu() - cpu) * 1000 / seconds / static_cast<double>(speakers_.size());
    io::RunOn(interpreter_.loop(), [&] {
      const InterpreterStats& s = room_->stats();
      std::printf("%zu speaking for %d s (%llu sentences, %llu frames):\n", speakers_.size(), seconds,
                  static_cast<unsigned long long>(s.sentences), static_cast<unsigned long long>(s.frames_injected));
      room_->tap.Print("tap");
      voice_.Print("voice");
      inject_.Print("inject");
      std::printf("  tap + voice at p95: %.2f ms; interpreter loop: %.1f ms of CPU per second and speaker\n",
                  room_->tap.At(.95) + voice_.At(.95), used);
    });
  }

 private:
  struct Speaker {
    Speaker(io::Loop& loop, std::size_t i, std::shared_ptr<const std::vector<std::int16_t>> pcm, Random& random)
        : index(i), track(std::move(pcm), /*loop=*/true, "bench", random), timer(loop) {}
    std::size_t index;
    client::AudioTrack track;
    std::unique_ptr<client::PeerLink> link;
    io::Timer timer;
    Time next{};
  };

  void StartWorker() {
    services::MediaWorkerConfig config;
    config.port = static_cast<std::uint16_t>(43000 + ::getpid() % 2000);
    config.listen = {*SocketAddress::Parse("127.0.0.1", 0)};
    config.announce = config.listen;
    config.certificate = crypto::Certificate::Make();
    auto worker = MediaWorker::Start(config, control_, metrics_, taps_, {});
    if (!worker.ok()) Die(worker.error().message);
    worker_ = *std::move(worker);
  }

  // Runs on the media loop, waits for the answer.
  json::value Ask(std::function<Result<json::object>(sfu::Worker&, Time)> work) {
    std::optional<json::value> answer;
    worker_->Call<Result<json::object>>(std::move(work), [&](Result<json::object> result) {
      if (!result.ok()) Die(result.error().message);
      answer = *std::move(result);
    });
    if (!control_.RunUntil([&] { return answer.has_value(); }, kConnectWithin)) Die("the media loop does not answer");
    return *std::move(answer);
  }
  static json::object Need(const Status<>& status) {
    if (!status.ok()) Die(status.error().message);
    return {};
  }

  std::unique_ptr<client::PeerLink> Connect(const std::string& name, sfu::TransportDirection direction,
                                            std::function<void(ByteView, Time)> on_rtp) {
    const TransportId id(name);
    auto remote = client::ParseRemoteTransport(
        Ask([id, direction](sfu::Worker& w, Time now) { return w.CreateTransport(id, direction, now); }));
    if (!remote.ok()) Die(remote.error().message);
    auto link = client::PeerLink::Open(
        control_, *std::move(remote), certificate_, random_,
        {.on_packet =
             [on_rtp = std::move(on_rtp)](client::PeerTransport::Kind kind, ByteView packet, Time now) {
               if (kind == client::PeerTransport::Kind::kRtp) on_rtp(packet, now);
             },
         .on_state = [](client::PeerState) {}});
    if (!link.ok()) Die(link.error().message);
    Ask([id, dtls = (*link)->transport().DtlsParameters()](sfu::Worker& w, Time now) {
      return Result<json::object>(Need(w.ConnectTransport(id, dtls, now)));
    });
    (*link)->Start();
    if (!control_.RunUntil([&] { return (*link)->connected(); }, kConnectWithin)) Die(name + " does not connect");
    return *std::move(link);
  }

  void AddListener() {
    listener_ = Connect("listener", sfu::TransportDirection::kRecv, [this](ByteView p, Time now) { Hear(p, now); });
  }

  void AddSpeaker(std::size_t i, std::size_t of) {
    auto pcm = media::testing::SpeechLike(48000, 2.0);
    const auto quiet = media::testing::Noise(48000, 1.0, 0.0003);
    pcm.insert(pcm.end(), quiet.begin(), quiet.end());
    // Not all speak, nor send, at the same moment.
    std::rotate(pcm.begin(), pcm.begin() + static_cast<std::ptrdiff_t>(pcm.size() * i / of), pcm.end());
    auto speaker = std::make_unique<Speaker>(
        control_, i, std::make_shared<const std::vector<std::int16_t>>(std::move(pcm)), random_);
    speaker->link = Connect(Name(i).value(), sfu::TransportDirection::kSend, [](ByteView, Time) {});
    speaker->next = io::Now() + client::kAudioFrame * static_cast<int>(i) / static_cast<int>(of);
    const json::value consumed = Ask([i, parameters = json::value(speaker->track.RtpParameters())](
                                         sfu::Worker& w, Time now) -> Result<json::object> {
      JB_TRY(const auto produced,
             w.Produce(TransportId(Name(i).value()), Mic(i), sfu::MediaKind::kAudio, parameters, false, now));
      static_cast<void>(produced);
      Need(w.SetTap(Mic(i), true));
      Need(w.ProduceSynthetic(Voice(i), "bench", now));
      const ConsumerId consumer(Voice(i).value());
      auto out = w.Consume(TransportId("listener"), consumer, Voice(i), w.RouterRtpCapabilities(), now);
      Need(w.ResumeConsumer(consumer, now));
      return out;
    });
    const auto info = client::ParseConsumer(consumed);
    if (!info.ok()) Die(info.error().message);
    heard_[info->ssrc] = i;
    speakers_.push_back(std::move(speaker));
  }

  void Send(Speaker& speaker) {
    std::array<std::uint8_t, client::kPacketBuffer> buffer;
    const auto packet = speaker.track.Next(buffer);
    const auto sequence = rtp::PacketView::Parse(ByteView(buffer).first(packet.size))->sequence_number().value();
    ledgers_.sent.Note(speaker.index, sequence, io::Now());
    speaker.link->SendRtp(buffer, packet.size);
    speaker.next += client::kAudioFrame;
    speaker.timer.StartAt(speaker.next, [this, &speaker] { Send(speaker); });
  }

  void Hear(ByteView bytes, Time) {
    const auto packet = rtp::PacketView::Parse(bytes);
    if (!packet.ok()) return;
    const auto speaker = heard_.find(packet->ssrc());
    if (speaker == heard_.end()) return;
    const Time now = io::Now();
    voice_.Add(ledgers_.handed.Take(speaker->second, packet->timestamp().value()), now);
    inject_.Add(ledgers_.injected.Take(speaker->second, packet->timestamp().value()), now);
  }

  void PostDrain() {
    interpreter_.loop().Post([this] {
      for (const TappedFrame& frame : taps_.TakeAll()) {
        if (room_) room_->HandleTap(frame);
      }
    });
  }

  double InterpreterCpu() {
    timespec t{};
    io::RunOn(interpreter_.loop(), [&] { clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); });
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
  }

  io::Loop control_{"clients"};
  Metrics metrics_;
  crypto::SystemRandom random_;
  std::shared_ptr<const crypto::Certificate> certificate_ = crypto::Certificate::Make();
  Ledgers ledgers_;
  io::LoopThread interpreter_;
  services::TapMailbox taps_;
  std::unique_ptr<MediaWorker> worker_;
  std::unique_ptr<Room> room_;  // interpreter loop only
  std::unique_ptr<client::PeerLink> listener_;
  std::vector<std::unique_ptr<Speaker>> speakers_;
  std::map<rtp::Ssrc, std::size_t> heard_;
  Series voice_, inject_;
};

}  // namespace

int main(int argc, char** argv) {
  const int seconds = argc > 1 ? std::atoi(argv[1]) : 30;
  for (const std::size_t speakers : {std::size_t{1}, std::size_t{10}}) Bench(speakers).Run(seconds);
  return 0;
}
