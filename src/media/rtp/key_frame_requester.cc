// SPDX-License-Identifier: Apache-2.0
#include "media/rtp/key_frame_requester.h"

namespace jb::media {

bool KeyFrameRequester::Request(Time now) {
  if (state_ != State::kIdle) return false;
  if (last_sent_ && now - *last_sent_ < options_.min_gap) {
    state_ = State::kDelayed;
    deadline_ = *last_sent_ + options_.min_gap;
    return false;
  }
  return Send(now, State::kOutstanding);
}

void KeyFrameRequester::HandleKeyFrame() {
  state_ = State::kIdle;
  deadline_.reset();
}

bool KeyFrameRequester::HandleTimeout(Time now) {
  if (!deadline_ || now < *deadline_) return false;
  switch (state_) {
    case State::kDelayed: return Send(now, State::kOutstanding);
    case State::kOutstanding: return Send(now, State::kRetried);
    case State::kIdle:
    case State::kRetried: break;
  }
  state_ = State::kIdle;
  deadline_.reset();
  return false;
}

bool KeyFrameRequester::Send(Time now, State next) {
  state_ = next;
  last_sent_ = now;
  deadline_ = now + options_.retry_after;
  ++sent_;
  return true;
}

}  // namespace jb::media
