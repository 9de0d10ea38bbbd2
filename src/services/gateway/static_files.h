// SPDX-License-Identifier: Apache-2.0
// The built web app, read into memory at start: a few files, served with their type, caching and
// security headers, compressed where a compressed twin lies beside the file. Immutable; any thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "io/http.h"

namespace jb::services {

class StaticFiles {
 public:
  // An empty site when the directory has no index.html: every page then says that the app is not built.
  static StaticFiles Load(const std::string& directory);

  // The file of that path; the start page for any path that could be a page of the app (no dot in its
  // last segment); nullopt otherwise. Only paths found at loading exist, so "..", NUL and links are moot.
  std::optional<io::HttpResponse> Get(const io::HttpRequest& request) const;
  bool empty() const { return files_.empty(); }

 private:
  struct File {
    std::string type;
    std::shared_ptr<const std::string> body;
    std::shared_ptr<const std::string> gzip;  // null: there is none
    std::string etag;
  };
  std::map<std::string, File> files_;
};

// Where the web app lies: beside the program, in the source tree it was built from, or installed.
std::string FindWebApp();

}  // namespace jb::services
