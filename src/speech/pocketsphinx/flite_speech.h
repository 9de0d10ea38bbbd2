// SPDX-License-Identifier: Apache-2.0
// For tests: English speech made by the flite program, at 16 kHz, with a second of silence behind it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace jb::speech {

bool IsFliteInstalled();
// Fails the test and gives silence when flite does not speak. `noise`: standard deviation of white noise added to all of it.
std::vector<std::int16_t> SpeakWithFlite(const std::string& voice, const std::string& text, double noise = 0);

// Word error rate in percent; case and punctuation do not count.
double WordErrorRate(const std::string& said, const std::string& heard);

}  // namespace jb::speech
