// SPDX-License-Identifier: Apache-2.0
// Which web pages may talk to an endpoint: the endpoint's own and those on a list. OWASP ASVS 4.4.2.
// Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "io/http.h"

namespace jb::services {

class OriginPolicy {
 public:
  // Entries as browsers write Origin ("https://calls.example.org"), or "*".
  explicit OriginPolicy(std::vector<std::string> allowed);

  // A request without Origin does not come from a page of another site: allowed. Exact match else; the
  // page's own origin is judged by the Host header, whose scheme a proxy in front may have changed.
  bool Allows(const io::Headers& request) const;
  // CORS: lets an allowed page of another origin read the answer.
  void Grant(const io::Headers& request, io::Headers& response) const;

 private:
  std::vector<std::string> allowed_;
  bool any_ = false;
};

}  // namespace jb::services
