// SPDX-License-Identifier: Apache-2.0
#include "app/local_certificate.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/log.h"
#include "io/interfaces.h"

namespace jb::app {
namespace {

namespace fs = std::filesystem;

constexpr auto kKeptFor = std::chrono::hours(30 * 24);

// One file, so that certificate, key and names cannot disagree: names, a line with "-", the two PEM texts.
constexpr char kFile[] = "local-tls.pem";
constexpr char kKeyMark[] = "-----BEGIN PRIVATE KEY-----";

std::string NamesText(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += name + "\n";
  return text + "-\n";
}

std::string ReadFresh(const fs::path& path) {
  std::error_code ec;
  const auto written = fs::last_write_time(path, ec);
  if (ec || fs::file_time_type::clock::now() - written > kKeptFor) return "";
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

bool WritePrivate(const fs::path& path, const std::string& text) {
  std::error_code ec;
  fs::create_directories(path.parent_path(), ec);
  fs::remove(path, ec);  // so that the mode below is the file's
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  const bool whole = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  if (!whole) fs::remove(path, ec);
  return whole;
}

}  // namespace

std::vector<std::string> LocalNames() {
  std::vector<std::string> names{"localhost", "127.0.0.1", "::1"};
  const std::string host = io::HostName();
  if (host != "localhost") names.push_back(host);
  for (const io::LocalAddress& local : io::LocalAddresses()) {
    if (!local.loopback && !local.link_local) names.push_back(local.address.ip_text());
  }
  return names;
}

std::string StateDirectory() {
  if (const char* state = std::getenv("XDG_STATE_HOME"); state && *state) return std::string(state) + "/jbcalling";
  if (const char* home = std::getenv("HOME"); home && *home) return std::string(home) + "/.local/state/jbcalling";
  return "";
}

crypto::TlsCertificatePem LocalCertificate(const std::string& directory, const std::vector<std::string>& names) {
  const fs::path path = fs::path(directory) / kFile;
  const std::string header = NamesText(names);
  const std::string kept = directory.empty() ? "" : ReadFresh(path);
  const std::size_t key_at = kept.find(kKeyMark);
  if (kept.starts_with(header) && key_at != std::string::npos && key_at > header.size()) {
    return {kept.substr(header.size(), key_at - header.size()), kept.substr(key_at)};
  }
  crypto::TlsCertificatePem fresh = crypto::MakeLocalTlsCertificate(names);
  if (directory.empty() || !WritePrivate(path, header + fresh.cert_pem + fresh.key_pem)) {
    Log(LogLevel::kWarn, "the local certificate is not kept: browsers will ask again after a restart");
  }
  return fresh;
}

}  // namespace jb::app
