// SPDX-License-Identifier: Apache-2.0
#include "client/media_trace.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <string>

#include "client/load_payload.h"
#include "client/trace_data.h"

namespace jb::client {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kFirstLine = "jbcalling-trace 1";
constexpr milliseconds kOpusFrame{20};
constexpr std::size_t kMaxEncodings = 3;
constexpr std::uint32_t kMaxPayload = 1200;           // bytes: what any path carries
constexpr std::uint32_t kLongestTrace = 600'000;      // milliseconds
constexpr std::size_t kMaxPacketsPerFrame = 1000;

// The blank-separated words of one line.
class Words {
 public:
  explicit Words(std::string_view line) : rest_(line) {}
  std::string_view Next() {
    const std::size_t begin = std::min(rest_.find_first_not_of(' '), rest_.size());
    const std::size_t end = std::min(rest_.find(' ', begin), rest_.size());
    const std::string_view word = rest_.substr(begin, end - begin);
    rest_ = rest_.substr(end);
    return word;
  }
  std::optional<std::uint32_t> Number(std::uint32_t limit) { return ToNumber(Next(), limit); }
  static std::optional<std::uint32_t> ToNumber(std::string_view word, std::uint32_t limit) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size() || value > limit) return std::nullopt;
    return value;
  }

 private:
  std::string_view rest_;
};

// "d2yn": delta or key, temporal layer, layer sync, not a reference.
bool ParseFlags(std::string_view word, MediaTrace::VideoFrame& frame) {
  if (word.size() < 2 || (word[0] != 'k' && word[0] != 'd') || word[1] < '0' || word[1] > '3') return false;
  frame.key = word[0] == 'k';
  frame.temporal_layer = static_cast<std::uint8_t>(word[1] - '0');
  frame.layer_sync = word.find('y') != std::string_view::npos;
  frame.non_reference = word.find('n') != std::string_view::npos;
  return word.find_first_not_of("yn", 2) == std::string_view::npos;
}

// "1013" or "1013+2": bytes, and milliseconds after the first.
bool ParsePacket(std::string_view word, MediaTrace::VideoPacket& packet) {
  const std::size_t plus = std::min(word.find('+'), word.size());
  const auto size = Words::ToNumber(word.substr(0, plus), kMaxPayload);
  std::optional<std::uint32_t> delay = 0;
  if (plus < word.size()) delay = Words::ToNumber(word.substr(plus + 1), 1000);
  if (!size || !delay || *size == 0) return false;
  packet = {static_cast<std::uint16_t>(*size), milliseconds(*delay)};
  return true;
}

// What follows "v ENCODING" or "k ENCODING".
bool ParseFrame(Words& words, MediaTrace::VideoFrame& frame) {
  const auto at = words.Number(kLongestTrace);
  if (!at || !ParseFlags(words.Next(), frame)) return false;
  frame.at = milliseconds(*at);
  for (std::string_view word = words.Next(); !word.empty(); word = words.Next()) {
    MediaTrace::VideoPacket packet;
    if (frame.packets.size() == kMaxPacketsPerFrame || !ParsePacket(word, packet)) return false;
    frame.packets.push_back(packet);
  }
  return !frame.packets.empty();
}

bool ParseVideo(Words& words, bool is_key_shape, MediaTrace& trace) {
  const auto encoding = words.Number(kMaxEncodings - 1);
  MediaTrace::VideoFrame frame;
  if (!encoding || !ParseFrame(words, frame)) return false;
  if (trace.encodings.size() <= *encoding) trace.encodings.resize(*encoding + 1);
  MediaTrace::Encoding& into = trace.encodings[*encoding];
  if (is_key_shape) {
    into.key_frame = std::move(frame);
    return into.key_frame.key;
  }
  if (!into.frames.empty() && frame.at < into.frames.back().at) return false;
  into.frames.push_back(std::move(frame));
  return true;
}

bool ParseAudio(Words& words, MediaTrace& trace) {
  const auto frames = words.Number(kLongestTrace / 20);
  const auto size = words.Number(kMaxPayload);
  const auto level = words.Number(127);
  if (!frames || !size || !level || *size == 0) return false;
  const Duration at = trace.audio.empty() ? Duration(0) : trace.audio.back().at + *frames * kOpusFrame;
  trace.audio.push_back({at, static_cast<std::uint16_t>(*size), static_cast<std::uint8_t>(*level)});
  return true;
}

bool ParseLine(std::string_view line, MediaTrace& trace) {
  Words words(line);
  const std::string_view first = words.Next();
  if (first.empty() || first.front() == '#') return true;
  if (first == "a") return ParseAudio(words, trace);
  if (first == "v" || first == "k") return ParseVideo(words, first == "k", trace);
  if (first != "duration") return false;
  const auto ms = words.Number(kLongestTrace);
  if (ms) trace.duration = milliseconds(*ms);
  return ms && *ms > 0;
}

bool IsWhole(const MediaTrace& trace) {
  const auto good = [&](const MediaTrace::Encoding& e) {
    return !e.frames.empty() && !e.key_frame.packets.empty() && e.frames.back().at < trace.duration;
  };
  return trace.duration.count() > 0 && !trace.audio.empty() && trace.audio.back().at < trace.duration &&
         !trace.encodings.empty() && std::all_of(trace.encodings.begin(), trace.encodings.end(), good);
}

// The frame in `bytes`, cut into packets as near to `limit` as goes evenly, at the pace of the recorded one.
void Recut(MediaTrace::VideoFrame& frame, std::size_t bytes, std::size_t packets, std::size_t size) {
  const Duration pace = frame.packets.size() > 1
                            ? frame.packets.back().delay / static_cast<std::int64_t>(frame.packets.size() - 1)
                            : Duration(0);
  frame.packets.clear();
  for (std::size_t i = 0; i < packets; ++i) {
    const std::size_t share = size > 0 ? size : bytes / packets + (i < bytes % packets ? 1 : 0);
    frame.packets.push_back({static_cast<std::uint16_t>(std::max<std::size_t>(share, 1)),
                             pace * static_cast<std::int64_t>(i)});
  }
}

void Reshape(MediaTrace::VideoFrame& frame, double factor, std::size_t payload) {
  const double bytes = static_cast<double>(frame.bytes()) * factor;
  const std::size_t limit = (payload > 0 ? payload : kMaxPayload) - kVp8DescriptorSize;
  const double exact = bytes / static_cast<double>(limit);
  const auto packets = static_cast<std::size_t>(std::max(1.0, payload > 0 ? std::round(exact) : std::ceil(exact)));
  Recut(frame, static_cast<std::size_t>(bytes), std::min(packets, kMaxPacketsPerFrame), payload > 0 ? limit : 0);
}

}  // namespace

std::size_t MediaTrace::VideoFrame::bytes() const {
  return std::accumulate(packets.begin(), packets.end(), std::size_t{0},
                         [](std::size_t sum, const VideoPacket& p) { return sum + p.size; });
}

double MediaTrace::AudioBitrate() const {
  double bytes = 0;
  for (const AudioPacket& packet : audio) bytes += packet.size;
  return bytes * 8 / ToSeconds(duration);
}

double MediaTrace::VideoBitrate(std::span<const Encoding> of) const {
  double bytes = 0;
  for (const Encoding& encoding : of) {
    for (const VideoFrame& frame : encoding.frames) bytes += static_cast<double>(frame.bytes());
  }
  return bytes * 8 / ToSeconds(duration);
}

Result<MediaTrace> ParseTrace(std::string_view text) {
  MediaTrace trace;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (number == 1 ? line != kFirstLine : !ParseLine(line, trace)) {
      return Fail("bad_trace", "line " + std::to_string(number) + " of the trace is not one");
    }
  }
  if (!IsWhole(trace)) return Fail("bad_trace", "the trace lacks its duration, sound, frames or key frames");
  return trace;
}

const MediaTrace& ChromiumTrace() {
  static const MediaTrace trace = ParseTrace(kChromiumTrace).value();
  return trace;
}

void ReshapeAudio(MediaTrace& trace, const TraceShape& shape) {
  const double factor = shape.bitrate > 0 ? shape.bitrate / trace.AudioBitrate() : 1;
  for (MediaTrace::AudioPacket& packet : trace.audio) {
    const double size = shape.payload > 0 ? static_cast<double>(shape.payload) : packet.size * factor;
    packet.size = static_cast<std::uint16_t>(std::clamp(size, 1.0, double{kMaxPayload}));
  }
}

void ReshapeVideo(MediaTrace& trace, const TraceShape& shape) {
  if (shape.bitrate <= 0 && shape.payload == 0) return;
  const double factor = shape.bitrate > 0 ? shape.bitrate / trace.VideoBitrate(trace.encodings) : 1;
  for (MediaTrace::Encoding& encoding : trace.encodings) {
    Reshape(encoding.key_frame, factor, shape.payload);
    for (MediaTrace::VideoFrame& frame : encoding.frames) Reshape(frame, factor, shape.payload);
  }
}

}  // namespace jb::client
