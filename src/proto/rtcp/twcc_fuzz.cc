// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as the body of transport-wide feedback; and as a list of arrivals for the
// builder, whose output must come back from the parser with the same statuses.
#include <vector>

#include "proto/rtcp/twcc.h"

namespace {

using namespace jb;
using namespace jb::rtcp;

void ParseBody(ByteView body) {
  const auto feedback = TransportFeedback::Parse({PacketType::kTransportFeedback, kFormatTransportWide, body});
  if (!feedback) return;
  std::size_t count = 0;
  feedback->ForEach([&](SeqNum, std::optional<Duration>) { ++count; });
  JB_CHECK(count == feedback->status_count());
}

void BuildAndParse(ByteView data) {
  ByteReader in(data);
  const SeqNum base(in.U16());
  Time now(Duration(in.U32()));
  TransportFeedbackBuilder builder(base, now);
  SeqNum seq = base;
  std::vector<std::uint16_t> received;
  while (in.remaining() >= 3) {
    const std::uint8_t skip = in.U8();
    now += Duration(static_cast<std::int16_t>(in.U16()) * 50);
    if (now < Time()) now = Time();
    if (!builder.Add(seq, now)) break;
    received.push_back(seq.value());
    seq = seq + (1 + (skip > 200 ? skip : skip % 3));
  }
  if (received.empty()) return;
  std::uint8_t buffer[TransportFeedbackBuilder::kMaxSize];
  ByteWriter out(buffer);
  builder.Write(out, Ssrc(1), Ssrc(2), 0);
  JB_CHECK(out.ok());
  const auto compound = Compound::Parse(out.written());
  JB_CHECK(compound.ok());
  compound->ForEach([&](const RawPacket& packet) {
    const auto feedback = TransportFeedback::Parse(packet);
    JB_CHECK(feedback.ok() && feedback->status_count() == builder.status_count());
    std::size_t at = 0;
    feedback->ForEach([&](SeqNum s, std::optional<Duration> arrival) {
      if (arrival) JB_CHECK(at < received.size() && received[at++] == s.value());
    });
    JB_CHECK(at == received.size());
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ParseBody({data, size});
  BuildAndParse({data, size});
  return 0;
}
