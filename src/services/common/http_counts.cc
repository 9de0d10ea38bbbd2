// SPDX-License-Identifier: Apache-2.0
#include "services/common/http_counts.h"

namespace jb::services {
namespace {

class CountingAcceptor : public io::WebSocketAcceptor {
 public:
  CountingAcceptor(std::shared_ptr<io::WebSocketAcceptor> to, HttpCounts counts, std::string route)
      : to_(std::move(to)), counts_(counts), route_(std::move(route)) {}

  std::shared_ptr<io::WebSocket> Accept(const io::WebSocketOptions& options, const std::string& subprotocol) override {
    counts_.Count(route_, 101);
    return to_->Accept(options, subprotocol);
  }
  void Reject(io::HttpResponse response) override {
    counts_.Count(route_, response.status);
    to_->Reject(std::move(response));
  }

 private:
  const std::shared_ptr<io::WebSocketAcceptor> to_;
  HttpCounts counts_;
  const std::string route_;
};

}  // namespace

void CountingResponder::Send(io::HttpResponse response) {
  counts_.Count(route_, response.status);
  to_->Send(std::move(response));
}

void CountingResponder::StartChunked(int status, std::string content_type, io::Headers headers) {
  counts_.Count(route_, status);
  to_->StartChunked(status, std::move(content_type), std::move(headers));
}

void HttpCounts::Count(const std::string& route, int status) {
  metrics_
      .GetCounter("jbcalling_http_requests_total", "Requests by route and status",
                  {{"route", route}, {"code", std::to_string(status)}})
      .Add();
}

std::shared_ptr<io::HttpResponder> HttpCounts::Watch(const std::string& route,
                                                     std::shared_ptr<io::HttpResponder> responder) {
  return std::make_shared<CountingResponder>(std::move(responder), *this, route);
}

std::shared_ptr<io::WebSocketAcceptor> HttpCounts::Watch(const std::string& route,
                                                         std::shared_ptr<io::WebSocketAcceptor> acceptor) {
  return std::make_shared<CountingAcceptor>(std::move(acceptor), *this, route);
}

}  // namespace jb::services
