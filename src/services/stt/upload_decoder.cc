// SPDX-License-Identifier: Apache-2.0
#include "services/stt/upload_decoder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "io/child_process.h"
#include "io/process_stat.h"
#include "media/audio/resampler.h"
#include "media/audio/wav.h"

namespace jb::services {
namespace {

constexpr int kRate = 16000;
constexpr std::string_view kFolder = "/tmp", kPrefix = "jbcalling-upload-";
constexpr std::size_t kMaxPcmBytes = std::size_t{kMaxUploadSeconds} * kRate * 2;

struct Format {
  UploadType type;
  const char* ffmpeg;  // -f: the demuxer is fixed, so that no playlist or other container gets in
};
constexpr Format kFormats[] = {{UploadType::kMp3, "mp3"},
                               {UploadType::kM4a, "mov"},
                               {UploadType::kWebm, "matroska"},
                               {UploadType::kOgg, "ogg"},
                               {UploadType::kFlac, "flac"}};

Result<std::vector<std::int16_t>> DecodeWav(const Result<media::WavAudio, media::WavError>& wav) {
  if (!wav.ok())
    return Fail("broken_media", std::string("The WAV file is broken: ") + media::ToString(wav.error()) + ".");
  if (wav->frames() > std::size_t{kMaxUploadSeconds} * static_cast<std::size_t>(wav->sample_rate_hz)) {
    return Fail("too_long", "A recording has at most 600 seconds.");
  }
  return media::Resample(wav->Mono(), wav->sample_rate_hz, kRate);
}

// A file with a name nobody chose, in a directory only we can enter; gone with the object. m4a needs to
// seek, hence a file and no pipe.
class PrivateFile {
 public:
  static std::unique_ptr<PrivateFile> Write(const std::string& bytes) {
    std::string directory = std::string(kFolder) + "/" + std::string(kPrefix) + std::to_string(getpid()) + "-XXXXXX";
    if (!mkdtemp(directory.data())) return nullptr;
    auto file = std::unique_ptr<PrivateFile>(new PrivateFile(directory));
    FILE* out = fopen(file->path().c_str(), "wxb");
    if (!out) return nullptr;
    const bool whole = fwrite(bytes.data(), 1, bytes.size(), out) == bytes.size();
    return (fclose(out) == 0 && whole) ? std::move(file) : nullptr;
  }
  ~PrivateFile() {
    unlink(path().c_str());
    rmdir(directory_.c_str());
  }
  std::string path() const { return directory_ + "/upload"; }

 private:
  explicit PrivateFile(std::string directory) : directory_(std::move(directory)) {}
  const std::string directory_;
};

// A process that is not, or that only waits for its parent to ask how it ended, is not.
bool IsAlive(pid_t pid) {
  const auto stat = io::ReadProcessStat(pid);
  return stat && stat->state != 'Z';
}

class UploadDecoderImpl : public UploadDecoder {
 public:
  UploadDecoderImpl(io::Loop& loop, Done done, const DecodeLimits& limits)
      : loop_(loop), done_(std::move(done)), limits_(limits), timer_(loop) {}

  void Begin(std::string bytes) {
    const UploadType type = SniffUpload(bytes);
    if (type == UploadType::kWav) return BeginWav(bytes);
    for (const Format& format : kFormats) {
      if (format.type == type) return RunFfmpeg(format.ffmpeg, bytes);
    }
    Later(Fail("unsupported_media", "The file is none of wav, mp3, m4a, webm, ogg and flac."));
  }

 private:
  void BeginWav(const std::string& bytes) {
    const auto wav = media::ParseWav(AsBytes(bytes));
    if (!wav.ok() && wav.error() == media::WavError::kUnsupported) return RunFfmpeg("wav", bytes);
    Later(DecodeWav(wav));
  }

  void RunFfmpeg(const char* format, const std::string& bytes) {
    file_ = PrivateFile::Write(bytes);
    if (!file_) return Later(Fail("decoder_failed", "There is no room to decode the upload."));
    io::ChildOptions options;
    options.argv = {"ffmpeg",
                    "-nostdin",
                    "-hide_banner",
                    "-loglevel",
                    "error",
                    "-protocol_whitelist",
                    "file,pipe",
                    "-f",
                    format,
                    "-t",
                    std::to_string(kMaxUploadSeconds + 1),
                    "-i",
                    file_->path(),
                    "-vn",
                    "-sn",
                    "-dn",
                    "-map",
                    "0:a:0",
                    "-ac",
                    "1",
                    "-ar",
                    std::to_string(kRate),
                    "-threads",
                    "1",
                    "-f",
                    "s16le",
                    "pipe:1"};
    options.limits.address_space = limits_.address_space;
    options.limits.cpu_seconds = limits_.cpu_seconds;
    options.limits.file_size = 0;
    options.no_network = true;
    options.pipe_stdin = false;
    options.log_name = "ffmpeg";
    auto child = io::ChildProcess::Spawn(loop_, std::move(options),
                                         {.on_stdout = [this](ByteView data) { HandleOutput(data); },
                                          .on_exit = [this](io::ChildExit exit) { HandleExit(exit); }});
    if (!child.ok()) {
      return Later(Fail("decoder_failed", child.error().message + ". Install it: apt-get install ffmpeg"));
    }
    child_ = *std::move(child);
    timer_.StartIn(limits_.wall_time, [this] { child_->Kill(SIGKILL); });
  }

  void HandleOutput(ByteView data) {
    // One second more than allowed is asked for, to tell "just fits" from "too long".
    if (pcm_.size() + data.size() > kMaxPcmBytes + 2 * kRate) return;
    pcm_.insert(pcm_.end(), data.begin(), data.end());
  }

  void HandleExit(io::ChildExit exit) {
    child_.reset();
    file_.reset();
    timer_.Cancel();
    if (pcm_.size() > kMaxPcmBytes) return Answer(Fail("too_long", "A recording has at most 600 seconds."));
    // The part that was decoded before a limit is not the recording.
    if (exit.signal != 0) {
      return Answer(Fail("decode_limit", "Decoding the file takes more time or memory than is allowed."));
    }
    if (!exit.ok() || pcm_.empty()) {
      return Answer(Fail("broken_media", "The file is broken, or holds no sound."));
    }
    std::vector<std::int16_t> samples(pcm_.size() / 2);
    std::memcpy(samples.data(), pcm_.data(), samples.size() * 2);  // s16le, as this machine is
    Answer(std::move(samples));
  }

  void Later(Result<std::vector<std::int16_t>> result) {
    auto kept = std::make_shared<Result<std::vector<std::int16_t>>>(std::move(result));
    timer_.StartIn(Duration::zero(), [this, kept] { Answer(std::move(*kept)); });
  }

  // The handler may destroy this.
  void Answer(Result<std::vector<std::int16_t>> result) {
    const Done done = std::move(done_);
    done(std::move(result));
  }

  io::Loop& loop_;
  Done done_;
  const DecodeLimits limits_;
  io::Timer timer_;
  std::unique_ptr<PrivateFile> file_;
  std::unique_ptr<io::ChildProcess> child_;
  Bytes pcm_;
};

}  // namespace

UploadType SniffUpload(std::string_view bytes) {
  const auto at = [&](std::size_t offset, std::string_view mark) {
    return bytes.substr(std::min(offset, bytes.size())).starts_with(mark);
  };
  if (at(0, "RIFF") && at(8, "WAVE")) return UploadType::kWav;
  if (at(4, "ftyp")) return UploadType::kM4a;
  if (at(0, "\x1A\x45\xDF\xA3")) return UploadType::kWebm;  // EBML
  if (at(0, "OggS")) return UploadType::kOgg;
  if (at(0, "fLaC")) return UploadType::kFlac;
  if (at(0, "ID3")) return UploadType::kMp3;
  // An MPEG audio frame: eleven set bits, then a layer that is not reserved.
  if (bytes.size() > 2 && bytes[0] == '\xFF' && (bytes[1] & '\xE0') == '\xE0' && (bytes[1] & '\x06') != 0) {
    return UploadType::kMp3;
  }
  return UploadType::kUnknown;
}

void RemoveAbandonedUploads() {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    const pid_t owner = static_cast<pid_t>(std::atoi(name.c_str() + kPrefix.size()));
    struct stat status {};
    if (lstat(entry.path().c_str(), &status) != 0 || status.st_uid != geteuid() || !S_ISDIR(status.st_mode)) continue;
    if (owner != getpid() && IsAlive(owner)) continue;
    unlink((entry.path() / "upload").c_str());
    rmdir(entry.path().c_str());
  }
}

std::unique_ptr<UploadDecoder> UploadDecoder::Start(io::Loop& loop, std::string bytes, Done done,
                                                    const DecodeLimits& limits) {
  auto decoder = std::make_unique<UploadDecoderImpl>(loop, std::move(done), limits);
  decoder->Begin(std::move(bytes));
  return decoder;
}

}  // namespace jb::services
