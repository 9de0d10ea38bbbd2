// SPDX-License-Identifier: Apache-2.0
// Not a test of its own: the helpers of pocketsphinx_test.cc, in a file that only tests are built from.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>

#include "media/audio/resampler.h"
#include "media/audio/wav.h"
#include "speech/pocketsphinx/flite_speech.h"

namespace jb::speech {
namespace {

std::vector<std::string> Words(const std::string& text) {
  std::string clean;
  for (char c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    clean += (c >= 'a' && c <= 'z') || c == '\'' ? c : ' ';
  }
  std::istringstream in(clean);
  return {std::istream_iterator<std::string>(in), {}};
}

}  // namespace

bool IsFliteInstalled() { return std::system("command -v flite > /dev/null") == 0; }

std::vector<std::int16_t> SpeakWithFlite(const std::string& voice, const std::string& text, double noise) {
  char path[] = "/tmp/jb-flite-XXXXXX";
  const int fd = ::mkstemp(path);
  EXPECT_GE(fd, 0);
  ::close(fd);
  // `voice` and `text` are the tests' own words.
  const std::string command = "flite -voice " + voice + " -t \"" + text + "\" -o " + path + " 2>/dev/null";
  std::vector<std::int16_t> pcm;
  if (std::system(command.c_str()) == 0) {
    std::ifstream in(path, std::ios::binary);
    const std::string file{std::istreambuf_iterator<char>(in), {}};
    if (auto wav = media::ParseWav(AsBytes(file)); wav.ok()) {
      pcm = media::Resample(wav->Mono(), wav->sample_rate_hz, 16000);
      pcm.insert(pcm.begin(), 8000, 0);
      pcm.insert(pcm.end(), 16000, 0);
    }
  }
  ::unlink(path);
  if (pcm.empty()) {
    ADD_FAILURE() << "flite's " << voice << " did not say: " << text;
    return std::vector<std::int16_t>(16000 * 5);
  }
  std::mt19937 generator(7);
  std::normal_distribution<double> normal(0, noise > 0 ? noise : 1);
  if (noise > 0) {
    for (auto& s : pcm) s = static_cast<std::int16_t>(std::clamp(s + normal(generator), -32768.0, 32767.0));
  }
  return pcm;
}

double WordErrorRate(const std::string& said, const std::string& heard) {
  const auto a = Words(said), b = Words(heard);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t best = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = std::exchange(row[j], best);
    }
  }
  return a.empty() ? 0 : 100.0 * static_cast<double>(row.back()) / static_cast<double>(a.size());
}

}  // namespace jb::speech
