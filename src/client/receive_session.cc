// SPDX-License-Identifier: Apache-2.0
#include "client/receive_session.h"

#include <algorithm>
#include <bitset>
#include <utility>

#include "proto/rtcp/nack.h"
#include "proto/rtcp/pli.h"
#include "proto/rtcp/receiver_report.h"
#include "proto/rtcp/sdes.h"
#include "proto/rtcp/sender_report.h"
#include "proto/rtp/extensions.h"
#include "proto/rtp/rtx.h"

namespace jb::client {
namespace {

constexpr std::int64_t kSeenWindow = 2048;   // numbers behind the newest whose coming is remembered
constexpr std::size_t kNacksPerPacket = 64;  // numbers
constexpr std::size_t kBlocksPerReport = 20;  // 24 bytes each, with a CNAME well below kRtcpSize

}  // namespace

struct ReceiveSession::Stream {
  explicit Stream(const ConsumerInfo& i) : info(i), receiver(i.ssrc, i.clock_rate) {}

  const ConsumerInfo info;
  media::StreamReceiver receiver;
  media::NackGenerator nack;
  Unwrapper<std::uint16_t> unwrapper;
  std::optional<std::int64_t> newest;
  std::bitset<kSeenWindow> seen;
};

ReceiveSession::ReceiveSession(std::string cname, Random& random, Time now)
    : cname_(std::move(cname)), ssrc_(random.U32()), reports_(now, random) {}

ReceiveSession::~ReceiveSession() = default;

void ReceiveSession::Add(const ConsumerInfo& info) {
  Remove(info.ssrc);
  auto stream = std::make_unique<Stream>(info);
  if (info.rtx_ssrc) repairs_[info.rtx_ssrc->value()] = stream.get();
  if (info.transport_cc_id != 0) transport_cc_id_ = info.transport_cc_id;
  streams_[info.ssrc.value()] = std::move(stream);
}

void ReceiveSession::Remove(rtp::Ssrc ssrc) {
  const auto found = streams_.find(ssrc.value());
  if (found == streams_.end()) return;
  counters_.lost += found->second->receiver.packets_lost();
  if (const auto rtx = found->second->info.rtx_ssrc) repairs_.erase(rtx->value());
  streams_.erase(found);
}

void ReceiveSession::Pause(rtp::Ssrc ssrc) {
  if (Stream* stream = Find(ssrc)) stream->nack.Reset();
}

ReceiveSession::Stream* ReceiveSession::Find(rtp::Ssrc ssrc) {
  const auto found = streams_.find(ssrc.value());
  return found == streams_.end() ? nullptr : found->second.get();
}

std::optional<ReceiveSession::Media> ReceiveSession::HandleRtp(ByteSpan packet, Time now) {
  auto view = rtp::MutablePacketView::Parse(packet);
  if (!view.ok()) return std::nullopt;
  if (transport_cc_id_ != 0) {
    const auto value = view->FindExtension(transport_cc_id_);
    const auto number = value ? rtp::ParseTransportSequence(*value) : std::nullopt;
    if (number) {
      twcc_.HandlePacket(*number, now);
      twcc_media_ssrc_ = view->ssrc();
    }
  }
  Stream* stream = Find(view->ssrc());
  bool repaired = false;
  if (stream == nullptr) {
    const auto repair = repairs_.find(view->ssrc().value());
    if (repair == repairs_.end()) {
      ++counters_.unknown;
      return std::nullopt;
    }
    stream = repair->second;
    repaired = true;
    const auto restored =
        rtp::DecapsulateRtx(*view, stream->info.ssrc, rtp::PayloadType(stream->info.payload_type));
    if (!restored.ok()) return std::nullopt;  // padding: a probe
    view = rtp::MutablePacketView::Parse(*restored);
    if (!view.ok()) return std::nullopt;
  }
  if (view->payload().empty()) return std::nullopt;
  if (!repaired) {
    const auto arrival =
        stream->receiver.HandlePacket(view->sequence_number(), view->timestamp(), view->payload().size(), now);
    if (arrival == media::StreamReceiver::Arrival::kLate) ++counters_.late;
    if (arrival == media::StreamReceiver::Arrival::kRestart) stream->newest.reset();
  } else {
    stream->receiver.HandleRepaired(view->payload().size());
  }
  NoteMissing(*stream, *view, repaired, now);
  if (!IsNew(*stream, view->sequence_number())) {
    ++counters_.duplicates;
    return std::nullopt;
  }
  ++counters_.received;
  if (repaired) ++counters_.repaired;
  return Media{stream->info, *view, repaired};
}

bool ReceiveSession::IsNew(Stream& stream, rtp::SeqNum seq) {
  const std::int64_t number = stream.unwrapper.Peek(seq.value());
  const auto bit = [&](std::int64_t n) -> std::size_t { return static_cast<std::size_t>(n & (kSeenWindow - 1)); };
  if (!stream.newest || number > *stream.newest) {
    stream.unwrapper.Unwrap(seq.value());
    if (!stream.newest) stream.seen.reset();
    const std::int64_t from = stream.newest ? std::max(*stream.newest + 1, number - kSeenWindow + 1) : number;
    for (std::int64_t n = from; n < number; ++n) stream.seen.reset(bit(n));
    stream.newest = number;
    stream.seen.set(bit(number));
    return true;
  }
  if (number <= *stream.newest - kSeenWindow || stream.seen.test(bit(number))) return false;
  stream.seen.set(bit(number));
  return true;
}

void ReceiveSession::NoteMissing(Stream& stream, const rtp::PacketView& packet, bool repaired, Time now) {
  if (!stream.info.nack) return;
  const bool key = stream.info.codec && !stream.info.audio && media::IsKeyFrame(*stream.info.codec, packet.payload());
  stream.nack.HandlePacket(packet.sequence_number(), key, repaired, now);
  if (const auto at = stream.nack.NextDeadline()) next_nack_ = std::min(next_nack_, *at);
  if (stream.nack.TakeKeyFrameWanted() && stream.info.pli) key_frames_wanted_.push_back(stream.info.ssrc);
}

void ReceiveSession::HandleRtcp(ByteView packet, Time now) {
  const auto compound = rtcp::Compound::Parse(packet);
  if (!compound.ok()) return;
  compound->ForEach([&](const rtcp::RawPacket& raw) {
    if (!raw.Is(rtcp::PacketType::kSenderReport)) return;
    const auto report = rtcp::SenderReport::Parse(raw);
    Stream* stream = report.ok() ? Find(report->info.ssrc) : nullptr;
    if (stream) stream->receiver.HandleSenderReport(report->info, now);
  });
}

std::optional<Time> ReceiveSession::NextDeadline() const {
  Time next = std::min(reports_.next(), next_nack_);
  if (const auto at = twcc_.NextDeadline()) next = std::min(next, *at);
  return next;
}

std::size_t ReceiveSession::PollRtcp(ByteSpan out, Time now) {
  if (!key_frames_wanted_.empty()) {
    ByteWriter writer(out);
    rtcp::WritePli(writer, {ssrc_, key_frames_wanted_.back()});
    key_frames_wanted_.pop_back();
    ++counters_.key_frames_asked;
    return writer.size();
  }
  if (now >= next_nack_) {
    if (const std::size_t size = WriteNacks(out, now)) return size;
  }
  if (const auto at = twcc_.NextDeadline(); at && now >= *at) {
    const std::size_t size = twcc_.PollFeedback(out, ssrc_, twcc_media_ssrc_, now);
    if (size > 0) {
      ++counters_.feedback;
      return size;
    }
  }
  if (reports_.Take(now)) {
    to_report_.clear();
    for (const auto& [ssrc, stream] : streams_) to_report_.push_back(rtp::Ssrc(ssrc));
  }
  return to_report_.empty() ? 0 : WriteReport(out, now);
}

// Of the first stream that has numbers due; next_nack_ moves on when none has.
std::size_t ReceiveSession::WriteNacks(ByteSpan out, Time now) {
  next_nack_ = kNever;
  std::array<rtp::SeqNum, kNacksPerPacket> due;
  for (auto& [ssrc, stream] : streams_) {
    const auto at = stream->nack.NextDeadline();
    if (!at) continue;
    if (*at > now) {
      next_nack_ = std::min(next_nack_, *at);
      continue;
    }
    const std::size_t count = stream->nack.PollNacks(now, due);
    if (const auto again = stream->nack.NextDeadline()) next_nack_ = std::min(next_nack_, *again);
    if (count == 0) continue;
    ByteWriter writer(out);
    const std::size_t taken = rtcp::WriteNack(writer, ssrc_, rtp::Ssrc(ssrc), {due.data(), count});
    counters_.nacked += taken;
    next_nack_ = now;  // others may be due
    return writer.size();
  }
  return 0;
}

std::size_t ReceiveSession::WriteReport(ByteSpan out, Time now) {
  std::array<rtcp::ReportBlock, kBlocksPerReport> blocks;
  std::size_t count = 0;
  while (!to_report_.empty() && count < kBlocksPerReport) {
    Stream* stream = Find(to_report_.back());
    to_report_.pop_back();
    const auto block = stream ? stream->receiver.MakeReportBlock(now) : std::nullopt;
    if (block) blocks[count++] = *block;
  }
  ByteWriter writer(out);
  rtcp::WriteReceiverReport(writer, ssrc_, {blocks.data(), count});
  rtcp::WriteCname(writer, ssrc_, cname_);
  return writer.ok() ? writer.size() : 0;
}

std::int64_t ReceiveSession::packets_lost() const {
  std::int64_t lost = counters_.lost;
  for (const auto& [ssrc, stream] : streams_) lost += stream->receiver.packets_lost();
  return lost;
}

std::optional<Time> ReceiveSession::LastPacketAt(rtp::Ssrc ssrc) const {
  const auto found = streams_.find(ssrc.value());
  return found == streams_.end() ? std::nullopt : found->second->receiver.last_packet_at();
}

}  // namespace jb::client
