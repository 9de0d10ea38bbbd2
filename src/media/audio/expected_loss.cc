// SPDX-License-Identifier: Apache-2.0
#include "media/audio/expected_loss.h"

#include <array>

namespace jb::media {
namespace {

// libopus 1.3.1 puts no copy into 32 kb/s of speech when told of less than 10 % (measured: none at 5 %, in every voiced
// packet at 10 %), and nothing more above 20 %.
struct Step {
  std::uint8_t from;  // fraction of 256
  int percent;
};
constexpr std::array<Step, 3> kSteps{{
    {0, 0},
    {8, 10},   // 3 %: more than one packet of the 50 in a report of a second
    {31, 20},  // 12 %
}};
constexpr Duration kHold = std::chrono::seconds(10);

int PercentFor(std::uint8_t fraction_lost) {
  int percent = 0;
  for (const Step& step : kSteps) {
    if (fraction_lost >= step.from) percent = step.percent;
  }
  return percent;
}

int StepBelow(int percent) {
  int below = 0;
  for (const Step& step : kSteps) {
    if (step.percent < percent) below = step.percent;
  }
  return below;
}

}  // namespace

bool ExpectedLoss::Update(std::uint8_t fraction_lost, Time now) {
  const int wanted = PercentFor(fraction_lost);
  const int before = percent_;
  if (wanted >= percent_) {
    percent_ = wanted;
    needed_at_ = now;
  } else if (now - needed_at_ >= kHold) {
    percent_ = StepBelow(percent_);
    needed_at_ = now;
  }
  return percent_ != before;
}

}  // namespace jb::media
