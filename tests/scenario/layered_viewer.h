// SPDX-License-Identifier: Apache-2.0
// Whoever watches a LayeredCamera: takes what a MediaReceiver put in order, and judges it as a decoder would that is
// strict: whole pictures, everything they build on there before them, one marker at the end of each, time that goes
// forwards, VP8's numbers without a gap.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>

#include "media/layers/layer_ladder.h"
#include "media/payload/vp8.h"
#include "scenario/layered_camera.h"

namespace jb::scenario {

class LayeredViewer {
 public:
  LayeredViewer(MediaReceiver& receiver, CameraShape shape) : receiver_(receiver), shape_(std::move(shape)) {}

  // What has come since. Waits a second for what is missing, and goes on without it.
  void Look(Time now);

  // The highest of each in the last eight pictures, one round of temporal layers; nullopt: none for that long.
  std::optional<media::Layers> Seen() const;
  // Forgets what Seen() goes by, and how long nothing was shown.
  void LookAfresh(Time now);

  std::size_t pictures = 0;  // that could be shown
  std::size_t empty = 0;     // packets with nothing in them
  std::size_t switches = 0;  // of the encoding
  Duration longest_freeze{0};
  // What was lost for good right before a key picture, where nobody asks for it any more, and the pictures it spoilt.
  std::size_t key_gaps = 0, spoilt = 0;
  // Faults.
  std::size_t gaps = 0;          // other numbers that never came
  std::size_t broken = 0;        // pictures that build on something that never came
  std::size_t cut = 0;           // pictures of which a part never came
  std::size_t markers = 0;       // not where a picture ends, or missing there
  std::size_t mixed = 0;        // two pictures under one timestamp
  std::size_t backwards = 0;    // timestamps
  std::size_t misnumbered = 0;  // pictures of VP8
  std::size_t left_ids = 0;      // picture ids passed over: of pictures lost before anybody knew that they were not wanted
  std::size_t bad_switches = 0;  // of the encoding, not with a key picture
  // How far timestamps have strayed from when the pictures were taken, over all that was seen.
  Duration timestamp_spread() const { return most_ahead_ - most_behind_; }

 private:
  using FrameId = std::pair<std::uint32_t, std::uint8_t>;  // picture, spatial layer
  struct Part {
    FrameMark mark;
    std::set<std::uint8_t> packets;
  };
  struct Picture {
    std::int64_t timestamp = 0;  // unwrapped
    std::uint8_t encoding = 0;
    std::uint32_t number = 0;
    bool key = false, marked = false;
    std::map<std::uint8_t, Part> parts;  // by spatial layer
    std::optional<media::vp8::PictureNumbers> numbers;
  };

  void HandlePacket(std::int64_t number, const Bytes& payload);
  void BeginPicture(const FrameMark& mark, std::int64_t timestamp);
  void EndPicture();
  bool IsWhole() const;
  bool IsDecodable() const;
  void CheckTime(std::int64_t timestamp, std::uint32_t capture_ms);
  void CheckNumbers(const Bytes& payload, const FrameMark& mark, bool begins);
  void Show();
  void HandleGap(const FrameMark& mark, bool begins);
  void SettleGap(bool by_key);
  std::size_t& Broken() { return pending_ ? pending_->broken : broken; }
  std::size_t& Cut() { return pending_ ? pending_->cut : cut; }
  std::size_t& Markers() { return pending_ ? pending_->markers : markers; }

  MediaReceiver& receiver_;
  const CameraShape shape_;
  Time now_{};
  std::optional<std::int64_t> next_;  // number
  std::optional<Time> waiting_since_;
  std::optional<Picture> picture_;
  bool after_gap_ = false;
  // A gap, until it is known whether a key picture follows it.
  struct Pending {
    std::size_t pictures = 0, broken = 0, cut = 0, markers = 0;
  };
  std::optional<Pending> pending_;
  Unwrapper<std::uint32_t> timestamps_;
  std::optional<std::int64_t> last_timestamp_;
  std::optional<std::uint8_t> last_encoding_;
  std::optional<media::vp8::PictureNumbers> last_numbers_;
  std::set<FrameId> decoded_;  // of the encoding that is watched
  std::deque<media::Layers> shown_;
  std::optional<Time> shown_at_;
  std::optional<std::int64_t> first_offset_us_;
  Duration most_ahead_{0}, most_behind_{0};
};

}  // namespace jb::scenario
