// SPDX-License-Identifier: Apache-2.0
#include "media/rtp/seq_manager.h"

#include <algorithm>

namespace jb::media {

void SeqManager::Sync(std::int64_t input) {
  synced_ = true;
  first_input_ = input;
  highest_input_ = input - 1;
  offset_ = highest_output_ + 1 - input;
  drops_.clear();
}

void SeqManager::Drop(rtp::SeqNum seq) {
  const std::int64_t input = unwrapper_.Unwrap(seq.value());
  // Before the first mapped packet nothing has been numbered yet, so there is no gap to close.
  if (!synced_ || input < first_input_) return;
  // A late one left a gap already; the receiver will ask for it in vain, which is all that can be
  // done now.
  if (input <= highest_input_) return;
  highest_input_ = input;
  drops_.push_back(input);
  if (drops_.size() > kMaxDrops) Forget();
}

std::optional<rtp::SeqNum> SeqManager::Map(rtp::SeqNum seq) {
  const std::int64_t input = unwrapper_.Unwrap(seq.value());
  if (!synced_) Sync(input);
  if (input < first_input_) return std::nullopt;
  const auto after = std::lower_bound(drops_.begin(), drops_.end(), input);
  if (after != drops_.end() && *after == input) return std::nullopt;
  highest_input_ = std::max(highest_input_, input);
  const std::int64_t output = input + offset_ - (after - drops_.begin());
  highest_output_ = std::max(highest_output_, output);
  return Wrap(output);
}

// Folds the older half of the drops into the offset; numbers before them are not mapped any more.
void SeqManager::Forget() {
  const auto keep = drops_.begin() + static_cast<std::ptrdiff_t>(kMaxDrops / 2);
  first_input_ = *(keep - 1) + 1;
  offset_ -= keep - drops_.begin();
  drops_.erase(drops_.begin(), keep);
}

}  // namespace jb::media
