// SPDX-License-Identifier: Apache-2.0
// An HTTP/1.1 client with a pool of kept-alive connections, on one loop. For our own services: no
// redirects, cookies, proxies or compression. RFC 9112.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "io/http.h"
#include "io/loop.h"

namespace jb::io {

struct HttpClientRequest {
  std::string method = "GET";
  std::string url;  // http:// or https://
  Headers headers;  // Host, Content-Length and Connection are the client's
  std::string body;
  Duration timeout = std::chrono::seconds(10);  // for the whole exchange, connecting included
  std::size_t max_response = 16 << 20;          // bytes of the whole body, streamed or not
};

struct HttpClientOptions {
  Duration connect_timeout = std::chrono::seconds(5);
  std::size_t idle_per_host = 8;                     // connections kept
  Duration idle_timeout = std::chrono::seconds(30);  // below a server's own, so that it rarely closes first
  bool accept_any_certificate = false;               // for local certificates
};

class HttpClient {
 public:
  using RequestId = std::uint64_t;
  // Errors: "bad_url", "dns_failed", "connect_failed", "tls_failed", "timeout", "closed",
  // "bad_response", "too_large".
  using Done = std::function<void(Result<HttpResponse>)>;
  using OnChunk = std::function<void(ByteView)>;

  explicit HttpClient(Loop& loop, const HttpClientOptions& options = {});
  ~HttpClient();  // drops what is under way; its callbacks never run
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // `done` runs once, never inside Send. A request on a kept connection that the server had closed is sent
  // once more on a fresh one, if nothing of an answer arrived.
  RequestId Send(HttpClientRequest request, Done done);
  // `on_chunk` gets the body of a 2xx answer as it arrives, and `response.body` stays empty; the body of
  // any other status is collected.
  RequestId Send(HttpClientRequest request, OnChunk on_chunk, Done done);
  // Neither callback runs afterwards. Unknown ids are ignored.
  void Cancel(RequestId id);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace jb::io
