// SPDX-License-Identifier: Apache-2.0
#include "client/join_command.h"

#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "client/participant.h"
#include "client/test_card.h"
#include "crypto/random.h"
#include "media/audio/resampler.h"
#include "media/audio/wav.h"

namespace jb::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kJoinLimit = seconds(30);
constexpr Duration kGoodbye = milliseconds(150);  // for the last datagrams and the WebSocket's close
constexpr Duration kForever = std::chrono::hours(24 * 365);

Result<Bytes> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Fail("cannot_read", "cannot read " + path);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const ByteView bytes = AsBytes(text);
  return Bytes(bytes.begin(), bytes.end());
}

Result<std::shared_ptr<const std::vector<std::int16_t>>> ReadSpeech(const std::string& path) {
  JB_TRY(const Bytes bytes, ReadFile(path));
  const auto wav = media::ParseWav(bytes);
  if (!wav.ok()) return Fail("bad_wav", path + ": " + media::ToString(wav.error()));
  return std::make_shared<const std::vector<std::int16_t>>(
      media::Resample(wav->Mono(), wav->sample_rate_hz, Recorder::kSampleRate));
}

Result<IvfClip> ReadVideo(const std::string& path) {
  if (path.empty()) return ParseIvf(TestCardIvf());
  JB_TRY(const Bytes bytes, ReadFile(path));
  return ParseIvf(bytes);
}

Result<ParticipantOptions> ToParticipant(const JoinOptions& options) {
  ParticipantOptions out;
  out.url = options.url;
  out.accept_any_certificate = options.accept_any_certificate;
  out.room = options.room;
  out.name = options.name;
  out.speaks = options.speaks;
  out.hears = options.hears;
  out.voice = options.voice;
  out.passcode = options.passcode;
  out.loop = options.loop;
  out.record = !options.record.empty();
  if (out.url.empty() || out.room.empty()) return Fail("bad_options", "--url and --room are needed");
  if (out.voice != "translated" && out.voice != "original") {
    return Fail("bad_options", "--voice is translated or original");
  }
  if (!options.play.empty()) {
    JB_TRY(out.play, ReadSpeech(options.play));
  }
  if (options.video || !options.video_file.empty()) {
    JB_TRY(out.video, ReadVideo(options.video_file));
  }
  return out;
}

bool WriteFile(const std::string& path, ByteView bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return static_cast<bool>(file.flush());
}

int Complain(const Error& error) {
  std::fprintf(stderr, "join: %s (%s)\n", error.message.c_str(), error.code.c_str());
  return 2;
}

}  // namespace

int RunJoin(const JoinOptions& options) {
  auto participant_options = ToParticipant(options);
  if (!participant_options.ok()) return Complain(participant_options.error());
  std::ofstream captions;
  if (!options.captions.empty()) {
    captions.open(options.captions, std::ios::trunc);
    if (!captions) return Complain({"cannot_write", "cannot write " + options.captions});
  }
  // Now, and not after the call.
  if (!options.record.empty() && !WriteFile(options.record, {})) {
    return Complain({"cannot_write", "cannot write " + options.record});
  }

  io::Loop loop("join");
  crypto::SystemRandom random;
  std::optional<Error> ended;
  bool interrupted = false;
  loop.OnSignal({SIGINT, SIGTERM}, [&](int) { interrupted = true; });
  Participant participant(loop, std::move(participant_options).value(), crypto::Certificate::Make(), random,
                          {.on_caption = [&](const json::value& c) { captions << json::serialize(c) << std::endl; },
                           .on_ended = [&](const Error& reason) { ended = reason; }});
  const auto over = [&] { return ended.has_value() || interrupted; };
  participant.Start();
  loop.RunUntil([&] { return over() || participant.joined_at().has_value(); }, kJoinLimit);
  if (participant.joined_at()) {
    loop.RunUntil(over, options.duration.count() > 0 ? options.duration : kForever);
  }
  if (!participant.joined_at() && !over()) ended = Error{"join_timeout", "the server did not answer"};
  participant.Leave();
  loop.RunUntil([] { return false; }, kGoodbye);

  json::object summary = participant.Summary();
  bool ok = participant.media_flowed();
  if (ended) summary["error"] = json::object{{"code", ended->code}, {"message", ended->message}};
  if (!options.record.empty()) {
    const Bytes wav = media::WriteWav(participant.recording(), Recorder::kSampleRate, 1);
    if (!WriteFile(options.record, wav)) {
      Complain({"cannot_write", "cannot write " + options.record});
      ok = false;
    }
  }
  std::printf("%s\n", json::serialize(summary).c_str());
  std::fflush(stdout);
  return ok ? 0 : 1;
}

}  // namespace jb::client
