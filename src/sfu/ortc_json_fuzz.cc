// SPDX-License-Identifier: Apache-2.0
// A peer's JSON through connect, produce and consume: no crash, no throw, and whatever is accepted comes
// out as parameters that are accepted again.
#include <cstdlib>

#include "crypto/certificate.h"
#include "sfu/worker.h"
#include "testing/seeded_random.h"

namespace {

class NoOutput : public jb::sfu::WorkerOutput {
 public:
  void SendDatagram(const jb::Tuple&, jb::ByteView) override {}
  void HandleEvent(const jb::sfu::WorkerEvent&) override {}
  void HandleTappedPacket(const jb::ProducerId&, const jb::sfu::TappedPacket&) override {}
};

void Require(bool holds) {
  if (!holds) std::abort();
}

void TryAll(jb::sfu::Worker& worker, const jb::json::value& value) {
  using namespace jb;
  using sfu::MediaKind;
  const Time now{std::chrono::seconds(1)};
  const TransportId send("send"), recv("recv");
  Require(worker.CreateTransport(send, sfu::TransportDirection::kSend, now).ok());
  Require(worker.CreateTransport(recv, sfu::TransportDirection::kRecv, now).ok());
  static_cast<void>(worker.ConnectTransport(send, value, now));
  for (const MediaKind kind : {MediaKind::kAudio, MediaKind::kVideo}) {
    const ProducerId id("p" + std::to_string(static_cast<int>(kind)));
    if (!worker.Produce(send, id, kind, value, false, now).ok()) continue;
    const json::value ours = worker.RouterRtpCapabilities();
    const auto consumed = worker.Consume(recv, ConsumerId("c" + id.value()), id, ours, now);
    if (!consumed.ok()) continue;
    const json::value parameters = consumed->at("rtpParameters");
    Require(sfu::ParseRtpParameters(parameters).ok());
  }
  // As capabilities, against a producer that is there.
  Require(worker.ProduceSynthetic(ProducerId("voice"), "cname", now).ok());
  static_cast<void>(worker.Consume(recv, ConsumerId("cv"), ProducerId("voice"), value, now));
  worker.CloseTransport(send, now);
  worker.CloseTransport(recv, now);
  static_cast<void>(worker.CloseProducer(ProducerId("voice"), now));
  Require(worker.stats().consumers == 0 && worker.stats().producers == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto certificate = jb::crypto::Certificate::Make();
  const auto value = jb::ParseJson(jb::AsText({data, size}));
  if (!value.ok()) return 0;
  jb::testing::SeededRandom random(1);
  NoOutput output;
  jb::sfu::WorkerConfig config;
  config.certificate = certificate;
  jb::sfu::Worker worker(std::move(config), random, output);
  TryAll(worker, *value);
  return 0;
}
