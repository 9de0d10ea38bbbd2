// SPDX-License-Identifier: Apache-2.0
#include "services/gateway/static_files.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/log.h"
#include "crypto/hash.h"

namespace jb::services {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMaxFile = 16 << 20;

// Everything comes from this origin; camera and sound need blob: and data: for worklets and icons.
constexpr const char* kContentSecurityPolicy =
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "media-src 'self' blob: mediastream:; connect-src 'self' ws: wss:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

std::string TypeOf(const std::string& name) {
  static const std::map<std::string, std::string> kTypes = {{".html", "text/html; charset=utf-8"},
                                                            {".js", "text/javascript; charset=utf-8"},
                                                            {".css", "text/css; charset=utf-8"},
                                                            {".json", "application/json"},
                                                            {".svg", "image/svg+xml"},
                                                            {".png", "image/png"},
                                                            {".ico", "image/x-icon"},
                                                            {".woff2", "font/woff2"},
                                                            {".wasm", "application/wasm"},
                                                            {".webmanifest", "application/manifest+json"},
                                                            {".txt", "text/plain; charset=utf-8"},
                                                            {".mp3", "audio/mpeg"}};
  const auto it = kTypes.find(fs::path(name).extension().string());
  return it == kTypes.end() ? "application/octet-stream" : it->second;
}

std::shared_ptr<const std::string> ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::make_shared<const std::string>(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

bool CouldBePage(const std::string& path) { return path.find('.', path.rfind('/')) == std::string::npos; }

}  // namespace

StaticFiles StaticFiles::Load(const std::string& directory) {
  StaticFiles site;
  std::error_code ec;
  if (!fs::exists(fs::path(directory) / "index.html", ec)) return site;
  for (const auto& entry : fs::recursive_directory_iterator(directory, ec)) {
    const std::string name = "/" + fs::relative(entry.path(), directory).generic_string();
    const bool hidden = entry.path().filename().string().starts_with(".");
    if (!entry.is_regular_file(ec) || hidden || entry.file_size(ec) > kMaxFile) continue;
    if (entry.path().extension() == ".gz") continue;
    File file;
    file.type = TypeOf(name);
    file.body = ReadFile(entry.path());
    const fs::path twin = entry.path().string() + ".gz";
    if (fs::exists(twin, ec)) file.gzip = ReadFile(twin);
    file.etag = "\"" + crypto::Base64Encode(ByteView(crypto::Sha1(AsBytes(*file.body))).first(12)) + "\"";
    site.files_.emplace(name, std::move(file));
  }
  return site;
}

std::optional<io::HttpResponse> StaticFiles::Get(const io::HttpRequest& request) const {
  if (files_.empty()) {
    if (!CouldBePage(request.path)) return std::nullopt;
    return io::HttpResponse{
        503, "text/plain; charset=utf-8", {}, "The web app is not built. Run `make web` and start again.\n"};
  }
  auto it = files_.find(request.path);
  if (it == files_.end() && CouldBePage(request.path)) it = files_.find("/index.html");
  if (it == files_.end()) return std::nullopt;
  const auto& [name, file] = *it;

  io::HttpResponse response;
  response.headers.Add("ETag", file.etag);
  // Vite puts a hash of the content into the names under /assets/.
  response.headers.Add("Cache-Control",
                       name.starts_with("/assets/") ? "public, max-age=31536000, immutable" : "no-cache");
  response.headers.Add("Content-Security-Policy", kContentSecurityPolicy);
  response.headers.Add("Referrer-Policy", "no-referrer");
  response.headers.Add("Permissions-Policy", "camera=(self), microphone=(self), display-capture=(self)");
  if (request.headers["If-None-Match"] == file.etag) {
    response.status = 304;
    return response;
  }
  response.content_type = file.type;
  response.headers.Add("Vary", "Accept-Encoding");
  const bool gzip = file.gzip && request.headers["Accept-Encoding"].find("gzip") != std::string_view::npos;
  if (gzip) response.headers.Add("Content-Encoding", "gzip");
  response.shared_body = gzip ? file.gzip : file.body;
  return response;
}

std::string FindWebApp() {
  std::error_code ec;
  const fs::path self = fs::read_symlink("/proc/self/exe", ec).parent_path();
  for (const fs::path& candidate :
       {self / "web", self / ".." / "web" / "dist", self / ".." / "share" / "jbcalling" / "web"}) {
    if (fs::exists(candidate / "index.html", ec)) return fs::weakly_canonical(candidate, ec).string();
  }
  return (self / ".." / "web" / "dist").lexically_normal().string();
}

}  // namespace jb::services
