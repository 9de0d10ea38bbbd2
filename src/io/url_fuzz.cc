// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "io/url.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto url = jb::io::ParseUrl(text)) {
    // What was accepted reads the same again.
    const auto again = jb::io::ParseUrl(url->scheme + "://" + url->authority() + url->target);
    if (!again || again->host != url->host || again->port != url->port || again->target != url->target) std::abort();
  }
  jb::io::Query::Parse(text);
  const auto decoded = jb::io::PercentDecode(text, false);
  if (decoded && jb::io::PercentDecode(jb::io::PercentEncode(*decoded), false) != *decoded) std::abort();
  return 0;
}
