// SPDX-License-Identifier: Apache-2.0
#include "speech/espeak/backend.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <set>

#include "base/log.h"
#include "base/utf8.h"
#include "io/loop.h"
#include "media/audio/resampler.h"
#include "speech/child_watchdog.h"
#include "speech/espeak/process_pool.h"
#include "speech/espeak/voice_table.h"
#include "speech/espeak/wav_stream.h"
#include "speech/text/clean_text.h"
#include "speech/text/languages.h"

namespace jb::speech {
namespace {

using namespace std::chrono_literals;

constexpr const char* kProgram = "/usr/bin/espeak-ng";
constexpr std::size_t kMostCharacters = 500;  // of one utterance
constexpr Duration kSilentAtMost = 5s;        // without output, the program is taken for hung
constexpr int kWordsPerMinute = 165;          // at speed 1; the program's own default is 175
// A runaway is stopped here. Slow languages take 0.12 s per character at speed 1.
constexpr double kMostSecondsPerCharacter = 0.4;

std::string RunForVoices() {
  std::string out;
  FILE* pipe = ::popen((std::string(kProgram) + " --voices 2>/dev/null").c_str(), "re");
  if (!pipe) return out;
  std::array<char, 4096> buffer;
  std::size_t n;
  while ((n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0 && out.size() < (1u << 20)) {
    out.append(buffer.data(), n);
  }
  ::pclose(pipe);
  return out;
}

class EspeakJob final : public SynthesisJob {
 public:
  EspeakJob(io::Loop& loop, const EspeakStyle& style, SynthesisRequest request, SynthesisHandlers handlers,
            std::shared_ptr<int> running, std::shared_ptr<EspeakPool> pool)
      : style_(style),
        rate_hz_(request.sample_rate_hz),
        speed_(request.speed),
        utterances_(UtterancesOf(request.text)),
        handlers_(std::move(handlers)),
        running_(std::move(running)),
        pool_(std::move(pool)),
        timer_(loop),
        watchdog_(loop) {
    ++*running_;
    timer_.StartIn(Duration(0), [this] { SpeakNext(); });
  }
  ~EspeakJob() override { --*running_; }

  void Pause(bool paused) override {
    paused_ = paused;
    if (!paused && std::exchange(held_back_, false)) timer_.StartIn(Duration(0), [this] { SpeakNext(); });
  }

 private:
  void SpeakNext() {
    if (at_ == utterances_.size()) {
      Finish(kOk);
      return;
    }
    if (paused_) {
      held_back_ = true;
      return;
    }
    const std::string& text = utterances_[at_++];
    wav_ = {};
    samples_left_ = static_cast<std::int64_t>(
        22050.0 * (3 + static_cast<double>(text.size()) * kMostSecondsPerCharacter / std::min(1.0, speed_)));
    auto process = pool_->Take(Arguments(), /*again=*/at_ == utterances_.size());
    if (!process.ok()) {
      Finish(Fail("backend_failed", process.error().message));
      return;
    }
    process_ = std::move(process).value();
    process_->Speak(text, {.on_stdout = [this](ByteView bytes) { HandleOutput(bytes); },
                           .on_exit = [this](io::ChildExit exit) { HandleExit(exit); }});
    Watch();
  }

  std::vector<std::string> Arguments() const {
    const int words = std::clamp(static_cast<int>(std::lround(kWordsPerMinute * style_.speed * speed_)), 80, 450);
    std::vector<std::string> argv = {kProgram,     "--stdin", "--stdout",            "-b", "1",
                                     "-v",         style_.voice, "-s", std::to_string(words), "-p",
                                     std::to_string(style_.pitch)};
    if (at_ == utterances_.size()) argv.emplace_back("-z");  // no pause after the last sentence
    return argv;
  }

  void Watch() {
    watchdog_.Watch(process_->pid(), kSilentAtMost, [this] { Finish(Fail("backend_failed", "espeak-ng hangs")); });
  }

  void HandleOutput(ByteView bytes) {
    if (failed_) return;
    Watch();
    samples_.clear();
    if (!wav_.Push(bytes, samples_)) {
      FailSoon("espeak-ng's output is not WAV");
      return;
    }
    if (samples_.empty()) return;
    samples_left_ -= static_cast<std::int64_t>(samples_.size());
    if (samples_left_ < 0) {
      FailSoon("espeak-ng does not come to an end");
      return;
    }
    if (!resampler_) resampler_.emplace(wav_.sample_rate_hz(), rate_hz_);
    out_.clear();
    resampler_->Process(samples_, out_);
    Deliver();
  }

  void HandleExit(const io::ChildExit& exit) {
    if (failed_) return;
    if (!exit.ok() || !wav_.has_header()) {
      Finish(Fail("backend_failed", "espeak-ng ended with " + exit.text()));
      return;
    }
    process_.reset();
    watchdog_.Cancel();
    SpeakNext();
  }

  // From inside a handler of the child, which must not be destroyed there.
  void FailSoon(std::string reason) {
    failed_ = true;
    timer_.StartIn(Duration(0), [this, reason = std::move(reason)] { Finish(Fail("backend_failed", reason)); });
  }

  void Deliver() {
    if (!out_.empty() && handlers_.on_audio) handlers_.on_audio(out_);
  }

  void Finish(Status<> status) {
    timer_.Cancel();
    watchdog_.Cancel();
    process_.reset();
    if (status.ok() && resampler_) {
      out_.clear();
      resampler_->Flush(out_);
      Deliver();
    }
    if (!status.ok()) Log(LogLevel::kWarn, "synthesis failed", {{"reason", status.error().message}});
    // May destroy this job.
    const auto done = std::move(handlers_.on_done);
    if (done) done(std::move(status));
  }

  const EspeakStyle style_;
  const int rate_hz_;
  const double speed_;
  const std::vector<std::string> utterances_;
  SynthesisHandlers handlers_;
  const std::shared_ptr<int> running_;
  const std::shared_ptr<EspeakPool> pool_;
  std::unique_ptr<EspeakProcess> process_;
  io::Timer timer_;
  ChildWatchdog watchdog_;
  std::size_t at_ = 0;
  bool failed_ = false;
  bool paused_ = false;
  bool held_back_ = false;  // the next utterance is due
  WavStream wav_;
  std::int64_t samples_left_ = 0;
  std::optional<media::Resampler> resampler_;
  std::vector<std::int16_t> samples_, out_;
};

class Espeak final : public Synthesizer {
 public:
  Espeak(io::Loop& loop, int concurrency, std::vector<EspeakVoice> voices)
      : loop_(loop),
        concurrency_(concurrency),
        espeak_voices_(std::move(voices)),
        voices_(ListVoices(espeak_voices_)),
        running_(std::make_shared<int>(0)),
        pool_(std::make_shared<EspeakPool>(loop)) {}

  std::string_view name() const override { return "espeak-ng"; }
  const std::vector<Voice>& voices() const override { return voices_; }
  std::vector<std::string> languages() const override {
    std::set<std::string> out;
    for (const EspeakVoice& v : espeak_voices_) out.insert(v.primary);
    return {out.begin(), out.end()};
  }
  bool can_clone() const override { return false; }

  Result<std::unique_ptr<SynthesisJob>> Start(SynthesisRequest request, SynthesisHandlers handlers) override {
    if (request.text.size() > kMaxSynthesisBytes) {
      return Fail("too_long", "the text has " + std::to_string(request.text.size()) + " bytes, more than " +
                                  std::to_string(kMaxSynthesisBytes));
    }
    if (!IsValidUtf8(request.text)) return Fail("invalid_text", "the text is not valid UTF-8");
    const std::optional<EspeakStyle> style = ChooseStyle(espeak_voices_, request.language, request.voice);
    if (!style) {
      return Fail("unsupported_language", "no voice speaks \"" + request.language + "\"");
    }
    if (*running_ >= concurrency_) {
      return Fail("busy", "all " + std::to_string(concurrency_) + " voices are in use");
    }
    request.speed = std::clamp(request.speed, 0.25, 4.0);
    request.sample_rate_hz = std::clamp(request.sample_rate_hz, 8000, 48000);
    return std::unique_ptr<SynthesisJob>(
        std::make_unique<EspeakJob>(loop_, *style, std::move(request), std::move(handlers), running_, pool_));
  }

 private:
  io::Loop& loop_;
  const int concurrency_;
  const std::vector<EspeakVoice> espeak_voices_;
  const std::vector<Voice> voices_;
  const std::shared_ptr<int> running_;
  const std::shared_ptr<EspeakPool> pool_;
};

// "[[" would begin phonemes.
std::string WithoutPhonemes(std::string text) {
  for (std::size_t at = 0; (at = text.find("[[", at)) != std::string::npos;) text.replace(at, 2, "[ ");
  return text;
}

}  // namespace

std::vector<std::string> UtterancesOf(std::string_view text) {
  std::vector<std::string> out;
  std::size_t characters = 0;
  for (const Sentence& s : SplitSentences(WithoutPhonemes(StripInvisible(text)), kMostCharacters)) {
    const std::size_t count = CountCodePoints(s.text);
    if (s.text.find_first_not_of(" \n") == std::string::npos) continue;
    if (out.empty() || characters + count > kMostCharacters) {
      out.emplace_back();
      characters = 0;
    }
    out.back() += s.text + "\n";
    characters += count + 1;
  }
  return out;
}

Result<std::unique_ptr<Synthesizer>> MakeEspeak(io::Loop& loop, int concurrency) {
  std::vector<EspeakVoice> voices = ParseEspeakVoices(RunForVoices());
  if (voices.empty()) {
    return Fail("backend_missing",
                std::string(kProgram) + " is missing or has no voices: install the Debian package espeak-ng");
  }
  return std::unique_ptr<Synthesizer>(std::make_unique<Espeak>(loop, concurrency, std::move(voices)));
}

}  // namespace jb::speech
