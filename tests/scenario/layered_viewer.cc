// SPDX-License-Identifier: Apache-2.0
#include "scenario/layered_viewer.h"

#include <algorithm>

namespace jb::scenario {
namespace {

constexpr Duration kPatience = 1s;
constexpr std::size_t kRound = 8;       // pictures of Seen()
constexpr std::int64_t kKept = 600;     // packets, so that a second copy can be compared
constexpr std::uint32_t kRemembered = 300;  // pictures that others may build on

constexpr std::size_t kBeforeKey = 10;       // pictures in which what is lost may not be asked for again
constexpr int kMostPassedOver = 20;           // picture ids

template <class Map>
void ForgetBefore(Map& map, std::int64_t number) {
  map.erase(map.begin(), map.lower_bound(number));
}

}  // namespace

void LayeredViewer::Look(Time now) {
  now_ = now;
  if (!next_ && !receiver_.payloads.empty()) next_ = receiver_.payloads.begin()->first;
  while (next_) {
    const auto found = receiver_.payloads.lower_bound(*next_);
    if (found == receiver_.payloads.end()) break;
    if (found->first != *next_) {
      if (!waiting_since_) waiting_since_ = now;
      if (now - *waiting_since_ < kPatience) break;
      after_gap_ = true;
    }
    waiting_since_.reset();
    next_ = found->first + 1;
    HandlePacket(found->first, found->second);
  }
  if (!next_) return;
  ForgetBefore(receiver_.payloads, *next_ - kKept);
  ForgetBefore(receiver_.timestamps, *next_ - kKept);
  ForgetBefore(receiver_.markers, *next_ - kKept);
}

void LayeredViewer::HandlePacket(std::int64_t number, const Bytes& payload) {
  if (payload.empty()) {
    ++empty;
    return;
  }
  const std::optional<FrameMark> mark = FrameMark::Read(payload);
  if (!mark) {
    ++mixed;
    return;
  }
  const std::int64_t timestamp = timestamps_.Unwrap(receiver_.timestamps[number]);
  const bool begins = !picture_ || picture_->timestamp != timestamp;
  HandleGap(*mark, begins);
  if (begins) {
    EndPicture();
    if (pending_ && (mark->key || ++pending_->pictures > kBeforeKey)) SettleGap(mark->key);
    BeginPicture(*mark, timestamp);
  }
  Picture& picture = *picture_;
  if (picture.encoding != mark->encoding || picture.number != mark->picture) ++mixed;
  if (picture.marked) ++Markers();
  Part& part = picture.parts[mark->spatial];
  part.mark = *mark;
  part.packets.insert(mark->packet);
  if (shape_.codec == media::Codec::kVp8) CheckNumbers(payload, *mark, begins);
  if (receiver_.markers[number]) {
    picture.marked = true;
    if (IsWhole()) Show();
  }
}

// The SFU stops asking for what was lost before a key picture once that is there.
void LayeredViewer::HandleGap(const FrameMark& mark, bool begins) {
  if (!std::exchange(after_gap_, false)) return;
  last_numbers_.reset();
  if (pending_) SettleGap(/*by_key=*/begins && mark.key);
  pending_ = Pending{};
}

void LayeredViewer::SettleGap(bool by_key) {
  const Pending was = *std::exchange(pending_, std::nullopt);
  if (by_key) {
    ++key_gaps;
    spoilt += was.broken + was.cut + was.markers;
    return;
  }
  ++gaps;
  broken += was.broken;
  cut += was.cut;
  markers += was.markers;
}

void LayeredViewer::BeginPicture(const FrameMark& mark, std::int64_t timestamp) {
  CheckTime(timestamp, mark.capture_ms);
  if (last_encoding_ && *last_encoding_ != mark.encoding) {
    ++switches;
    if (!mark.key) ++bad_switches;
    decoded_.clear();
  }
  last_encoding_ = mark.encoding;
  picture_ = Picture{};
  picture_->timestamp = timestamp;
  picture_->encoding = mark.encoding;
  picture_->number = mark.picture;
  picture_->key = mark.key;
}

// The one before the one that begins.
void LayeredViewer::EndPicture() {
  if (!picture_) return;
  if (!IsWhole()) {
    ++Cut();
  } else if (!picture_->marked) {
    ++Markers();
  }
}

bool LayeredViewer::IsWhole() const {
  return std::all_of(picture_->parts.begin(), picture_->parts.end(),
                     [](const auto& item) { return item.second.packets.size() == item.second.mark.packets; });
}

bool LayeredViewer::IsDecodable() const {
  for (const auto& [spatial, part] : picture_->parts) {
    for (std::size_t i = 0; i < part.mark.reference_count; ++i) {
      const FrameMark::Reference& reference = part.mark.references[i];
      const bool there = reference.back == 0 ? picture_->parts.contains(reference.spatial)
                                             : decoded_.contains({picture_->number - reference.back, reference.spatial});
      if (!there) return false;
    }
  }
  return true;
}

void LayeredViewer::Show() {
  if (!IsDecodable()) {
    ++Broken();
    return;
  }
  media::Layers layers;
  for (const auto& [spatial, part] : picture_->parts) {
    decoded_.insert({picture_->number, spatial});
    layers = {shape_.encodings > 1 ? picture_->encoding : spatial, part.mark.temporal};
  }
  while (decoded_.begin()->first + kRemembered < picture_->number) decoded_.erase(decoded_.begin());
  ++pictures;
  shown_.push_back(layers);
  if (shown_.size() > kRound) shown_.pop_front();
  if (shown_at_) longest_freeze = std::max<Duration>(longest_freeze, now_ - *shown_at_);
  shown_at_ = now_;
}

void LayeredViewer::CheckTime(std::int64_t timestamp, std::uint32_t capture_ms) {
  if (last_timestamp_ && timestamp <= *last_timestamp_) ++backwards;
  last_timestamp_ = timestamp;
  const std::int64_t offset_us = timestamp * 100 / 9 - std::int64_t{capture_ms} * 1000;
  if (!first_offset_us_) first_offset_us_ = offset_us;
  const Duration off(offset_us - *first_offset_us_);
  most_ahead_ = std::max(most_ahead_, off);
  most_behind_ = std::min(most_behind_, off);
}

// RFC 7741 section 4.2: each picture the next id, each of the base layer the next TL0PICIDX.
void LayeredViewer::CheckNumbers(const Bytes& payload, const FrameMark& mark, bool begins) {
  const auto descriptor = media::vp8::Parse(payload);
  if (!descriptor || !descriptor->picture_id || !descriptor->long_picture_id || !descriptor->tl0_picture_index) {
    ++misnumbered;
    return;
  }
  const media::vp8::PictureNumbers numbers{*descriptor->picture_id, *descriptor->tl0_picture_index};
  if (!begins) {
    if (last_numbers_ && numbers != *last_numbers_) ++misnumbered;
  } else if (last_numbers_) {
    const int ahead = (numbers.picture_id - last_numbers_->picture_id) & media::vp8::kMaxPictureId;
    const auto tl0 = static_cast<std::uint8_t>(last_numbers_->tl0_picture_index + (mark.temporal == 0 ? 1 : 0));
    if (ahead == 0 || ahead > kMostPassedOver || numbers.tl0_picture_index != tl0) ++misnumbered;
    if (ahead > 1) ++left_ids;
  }
  last_numbers_ = numbers;
}

std::optional<media::Layers> LayeredViewer::Seen() const {
  if (shown_.empty() || !shown_at_ || now_ - *shown_at_ > LayeredCamera::kInterval * 8) return std::nullopt;
  media::Layers highest;
  for (const media::Layers& layers : shown_) {
    highest.spatial = std::max(highest.spatial, layers.spatial);
    highest.temporal = std::max(highest.temporal, layers.temporal);
  }
  return highest;
}

void LayeredViewer::LookAfresh(Time now) {
  shown_.clear();
  shown_at_ = now;
  longest_freeze = Duration(0);
}

}  // namespace jb::scenario
