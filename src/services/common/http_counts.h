// SPDX-License-Identifier: Apache-2.0
// jbcalling_http_requests_total{route,code}: counts answers. The caller names the route, from a fixed few: what
// clients ask for is not a label. Loop thread.
#pragma once

#include <memory>
#include <string>

#include "base/metrics.h"
#include "io/http_server.h"

namespace jb::services {

class HttpCounts {
 public:
  explicit HttpCounts(Metrics& metrics) : metrics_(metrics) {}

  void Count(const std::string& route, int status);
  // What is answered, now or later, through the one that is returned is counted.
  std::shared_ptr<io::HttpResponder> Watch(const std::string& route, std::shared_ptr<io::HttpResponder> responder);
  std::shared_ptr<io::WebSocketAcceptor> Watch(const std::string& route,
                                               std::shared_ptr<io::WebSocketAcceptor> acceptor);

 private:
  Metrics& metrics_;  // outlives this, and all that was watched
};

// Forwards to the server's responder and counts the status of the answer.
class CountingResponder : public io::HttpResponder {
 public:
  CountingResponder(std::shared_ptr<io::HttpResponder> to, HttpCounts counts, std::string route)
      : to_(std::move(to)), counts_(counts), route_(std::move(route)) {}

  void Send(io::HttpResponse response) override;
  void StartChunked(int status, std::string content_type, io::Headers headers) override;
  bool Write(ByteView data) override { return to_->Write(data); }
  void Finish() override { to_->Finish(); }
  std::size_t queued_bytes() const override { return to_->queued_bytes(); }
  void ReadBody(std::function<void(ByteView)> on_data, std::function<void(Status<>)> on_done) override {
    to_->ReadBody(std::move(on_data), std::move(on_done));
  }
  void PauseBody() override { to_->PauseBody(); }
  void ResumeBody() override { to_->ResumeBody(); }
  void set_on_closed(std::function<void()> fn) override { to_->set_on_closed(std::move(fn)); }

 private:
  const std::shared_ptr<io::HttpResponder> to_;
  HttpCounts counts_;
  const std::string route_;
};

}  // namespace jb::services
