// SPDX-License-Identifier: Apache-2.0
#include "crypto/srtp.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <vector>

#include "crypto/replay_window.h"
#include "crypto/srtp_transform.h"

namespace jb::crypto {
namespace {

constexpr std::size_t kRtpFixedHeader = 12;
constexpr std::size_t kRtcpHeader = 8;  // what stays in the clear, RFC 3711 section 3.4
constexpr std::size_t kSrtcpWord = 4;
constexpr std::uint64_t kRtpIndices = std::uint64_t{1} << 48;
constexpr std::uint64_t kRtcpIndices = std::uint64_t{1} << 31;
constexpr std::uint64_t kRollover = std::uint64_t{1} << 16;

bool IsVersion2(ByteView packet) { return (packet[0] >> 6) == 2; }

// Fixed header, CSRCs and extension (RFC 3550 section 5.1); nullopt when they overrun the packet.
std::optional<std::size_t> RtpHeaderSize(ByteView packet) {
  if (packet.size() < kRtpFixedHeader || !IsVersion2(packet)) return std::nullopt;
  std::size_t size = kRtpFixedHeader + 4u * (packet[0] & 0x0f);
  if ((packet[0] & 0x10) != 0) {
    if (packet.size() < size + 4) return std::nullopt;
    size += 4 + 4u * LoadU16(packet.data() + size + 2);
  }
  if (size > packet.size()) return std::nullopt;
  return size;
}

using Window = ReplayWindow<SrtpSession::kReplayWindow>;

// RFC 3711 section 3.3.1: the index nearest to the highest one. nullopt: it would lie before the first.
std::optional<std::uint64_t> GuessIndex(const Window& window, std::uint16_t seq) {
  if (!window.started()) return seq;
  const std::uint64_t highest = window.highest();
  const int last = static_cast<int>(highest & 0xffff);
  std::uint64_t roc = highest >> 16;
  if (last < 32768 && seq - last > 32768) {
    if (roc == 0) return std::nullopt;
    --roc;
  } else if (last - 32768 > seq) {
    ++roc;
  }
  return roc * kRollover + seq;
}

std::optional<SrtpError> ToError(Window::Verdict verdict) {
  switch (verdict) {
    case Window::Verdict::kNew: return std::nullopt;
    case Window::Verdict::kSeen: return SrtpError::kReplayed;
    case Window::Verdict::kTooOld: return SrtpError::kTooOld;
  }
  return SrtpError::kReplayed;
}

struct ReceiveStream {
  std::uint32_t ssrc = 0;
  Window rtp;
  Window rtcp;
  std::uint64_t last_used = 0;  // of the session's packet counter
};

// Sorted by SSRC. References last until the next Add or Remove.
template <class Stream>
class SsrcTable {
 public:
  Stream* Find(std::uint32_t ssrc) {
    const auto it = LowerBound(ssrc);
    return it != streams_.end() && it->ssrc == ssrc ? &*it : nullptr;
  }
  Stream& Add(std::uint32_t ssrc) {
    Stream& stream = *streams_.emplace(LowerBound(ssrc));
    stream.ssrc = ssrc;
    return stream;
  }
  void Remove(std::uint32_t ssrc) {
    const auto it = LowerBound(ssrc);
    if (it != streams_.end() && it->ssrc == ssrc) streams_.erase(it);
  }
  std::size_t size() const { return streams_.size(); }
  std::uint32_t LeastRecentlyUsed() const {
    return std::min_element(streams_.begin(), streams_.end(),
                            [](const auto& a, const auto& b) { return a.last_used < b.last_used; })
        ->ssrc;
  }

 private:
  auto LowerBound(std::uint32_t ssrc) {
    return std::lower_bound(streams_.begin(), streams_.end(), ssrc,
                            [](const Stream& s, std::uint32_t v) { return s.ssrc < v; });
  }
  std::vector<Stream> streams_;
};

}  // namespace

struct SrtpSendStream {
  explicit SrtpSendStream(std::uint32_t s) : ssrc(s) {}
  const std::uint32_t ssrc;
  Window rtp;
};

class SrtpSession::Impl {
 public:
  Impl(const SrtpKeys& k, SrtpBackend b)
      : aead_(k.profile != SrtpProfile::kAes128CmSha1_80),
        send_rtp_(MakeSrtpTransform(k.profile, SrtpKind::kRtp, k.local_key, k.local_salt, b)),
        send_rtcp_(MakeSrtpTransform(k.profile, SrtpKind::kRtcp, k.local_key, k.local_salt, b)),
        recv_rtp_(MakeSrtpTransform(k.profile, SrtpKind::kRtp, k.remote_key, k.remote_salt, b)),
        recv_rtcp_(MakeSrtpTransform(k.profile, SrtpKind::kRtcp, k.remote_key, k.remote_salt, b)) {}

  Result<std::size_t, SrtpError> ProtectRtp(ByteSpan buffer, std::size_t size);
  Result<std::size_t, SrtpError> ProtectRtcp(ByteSpan buffer, std::size_t size);
  Result<SrtpSendStream*, SrtpError> OpenSendStream(std::uint32_t ssrc);
  Result<std::uint64_t, SrtpError> TakeIndex(SrtpSendStream& stream, std::uint16_t seq);
  SrtpTransform* send_rtp() const { return send_rtp_.get(); }
  Result<std::size_t, SrtpError> UnprotectRtp(ByteSpan packet);
  Result<std::size_t, SrtpError> UnprotectRtcp(ByteSpan packet);
  void ForgetSsrc(std::uint32_t ssrc) { received_.Remove(ssrc); }
  void RetireSendSsrc(std::uint32_t ssrc) { sent_.erase(ssrc); }

 private:
  std::optional<std::uint64_t> OpenFirst(std::uint32_t ssrc, std::uint16_t seq, ByteView header, ByteSpan payload,
                                         const std::uint8_t* tag);
  ReceiveStream& AddReceived(std::uint32_t ssrc);

  const bool aead_;
  const std::unique_ptr<SrtpTransform> send_rtp_;
  const std::unique_ptr<SrtpTransform> send_rtcp_;
  const std::unique_ptr<SrtpTransform> recv_rtp_;
  const std::unique_ptr<SrtpTransform> recv_rtcp_;
  std::unordered_map<std::uint32_t, SrtpSendStream> sent_;  // its references last
  SsrcTable<ReceiveStream> received_;
  // Deviates: RFC 3711 section 3.2.1 counts SRTCP packets per SSRC. One count for all SSRCs increases
  // for each of them too, and can never repeat a nonce when an SSRC's state is gone.
  std::uint64_t next_rtcp_index_ = 0;
  std::uint64_t received_packets_ = 0;
};

Result<std::size_t, SrtpError> SrtpSession::Impl::ProtectRtp(ByteSpan buffer, std::size_t size) {
  if (size > buffer.size()) return Fail(SrtpError::kNoRoom);
  const auto header = RtpHeaderSize(buffer.first(size));
  if (!header) return Fail(SrtpError::kMalformed);
  if (buffer.size() - size < send_rtp_->tag_size()) return Fail(SrtpError::kNoRoom);
  JB_TRY(SrtpSendStream * stream, OpenSendStream(LoadU32(buffer.data() + 8)));
  JB_TRY(const std::uint64_t index, TakeIndex(*stream, LoadU16(buffer.data() + 2)));
  const ByteSpan payload = buffer.first(size).subspan(*header);
  send_rtp_->Seal({stream->ssrc, index}, buffer.first(*header), payload, payload.data(), buffer.data() + size);
  return size + send_rtp_->tag_size();
}

Result<SrtpSendStream*, SrtpError> SrtpSession::Impl::OpenSendStream(std::uint32_t ssrc) {
  const auto found = sent_.find(ssrc);
  if (found != sent_.end()) return &found->second;
  if (sent_.size() >= kMaxSendSsrcs) return Fail(SrtpError::kTooManySsrcs);
  return &sent_.try_emplace(ssrc, ssrc).first->second;
}

Result<std::uint64_t, SrtpError> SrtpSession::Impl::TakeIndex(SrtpSendStream& stream, std::uint16_t seq) {
  const auto index = GuessIndex(stream.rtp, seq);
  if (!index) return Fail(SrtpError::kTooOld);
  if (*index >= kRtpIndices) return Fail(SrtpError::kExhausted);
  if (const auto error = ToError(stream.rtp.Check(*index))) return Fail(*error);
  stream.rtp.Commit(*index);
  return *index;
}

// AEAD:  header | encrypted | tag | word.  HMAC:  header | encrypted | word | tag.
Result<std::size_t, SrtpError> SrtpSession::Impl::ProtectRtcp(ByteSpan buffer, std::size_t size) {
  const std::size_t tag_size = send_rtcp_->tag_size();
  if (size > buffer.size()) return Fail(SrtpError::kNoRoom);
  if (size < kRtcpHeader || !IsVersion2(buffer)) return Fail(SrtpError::kMalformed);
  if (buffer.size() - size < tag_size + kSrtcpWord) return Fail(SrtpError::kNoRoom);
  if (next_rtcp_index_ >= kRtcpIndices) return Fail(SrtpError::kExhausted);
  const std::uint64_t index = next_rtcp_index_++;
  std::uint8_t* const end = buffer.data() + size;
  std::uint8_t* const tag = aead_ ? end : end + kSrtcpWord;
  std::uint8_t* const word = aead_ ? end + tag_size : end;
  const ByteSpan body = buffer.first(size).subspan(kRtcpHeader);
  send_rtcp_->Seal({LoadU32(buffer.data() + 4), index}, buffer.first(kRtcpHeader), body, body.data(), tag);
  StoreU32(word, kSrtcpEncrypted | static_cast<std::uint32_t>(index));
  return size + tag_size + kSrtcpWord;
}

Result<std::size_t, SrtpError> SrtpSession::Impl::UnprotectRtp(ByteSpan packet) {
  const auto header_size = RtpHeaderSize(packet);
  const std::size_t tag_size = recv_rtp_->tag_size();
  if (!header_size || packet.size() - *header_size < tag_size) return Fail(SrtpError::kMalformed);
  const std::size_t size = packet.size() - tag_size;
  const std::uint16_t seq = LoadU16(packet.data() + 2);
  const std::uint32_t ssrc = LoadU32(packet.data() + 8);
  const ByteView header = packet.first(*header_size);
  const ByteSpan payload = packet.first(size).subspan(*header_size);
  const std::uint8_t* const tag = packet.data() + size;

  ReceiveStream* stream = received_.Find(ssrc);
  std::optional<std::uint64_t> index;
  if (stream != nullptr && stream->rtp.started()) {
    index = GuessIndex(stream->rtp, seq);
    if (!index || *index >= kRtpIndices) return Fail(SrtpError::kTooOld);
    if (const auto error = ToError(stream->rtp.Check(*index))) return Fail(*error);
    if (!recv_rtp_->Open({ssrc, *index}, header, payload, tag)) return Fail(SrtpError::kAuthFailed);
  } else {
    index = OpenFirst(ssrc, seq, header, payload, tag);
    if (!index) return Fail(SrtpError::kAuthFailed);
    if (stream == nullptr) stream = &AddReceived(ssrc);
  }
  stream->rtp.Commit(*index);
  stream->last_used = ++received_packets_;
  return size;
}

std::optional<std::uint64_t> SrtpSession::Impl::OpenFirst(std::uint32_t ssrc, std::uint16_t seq, ByteView header,
                                                          ByteSpan payload, const std::uint8_t* tag) {
  if (recv_rtp_->Open({ssrc, seq}, header, payload, tag)) return seq;
  recv_rtp_->Restore({ssrc, seq}, header, payload);
  const std::uint64_t wrapped = seq + kRollover;
  if (recv_rtp_->Open({ssrc, wrapped}, header, payload, tag)) return wrapped;
  return std::nullopt;
}

Result<std::size_t, SrtpError> SrtpSession::Impl::UnprotectRtcp(ByteSpan packet) {
  const std::size_t tag_size = recv_rtcp_->tag_size();
  if (packet.size() < kRtcpHeader + kSrtcpWord + tag_size || !IsVersion2(packet)) {
    return Fail(SrtpError::kMalformed);
  }
  const std::size_t size = packet.size() - tag_size - kSrtcpWord;
  const std::uint8_t* const end = packet.data() + size;
  const std::uint8_t* const tag = aead_ ? end : end + kSrtcpWord;
  const std::uint32_t word = LoadU32(aead_ ? end + tag_size : end);
  // RFC 3711 section 3.4: E tells whether the packet is encrypted; we never agree to plain ones.
  if ((word & kSrtcpEncrypted) == 0) return Fail(SrtpError::kAuthFailed);
  const std::uint64_t index = word & ~kSrtcpEncrypted;
  const std::uint32_t ssrc = LoadU32(packet.data() + 4);

  ReceiveStream* stream = received_.Find(ssrc);
  if (stream != nullptr) {
    if (const auto error = ToError(stream->rtcp.Check(index))) return Fail(*error);
  }
  if (!recv_rtcp_->Open({ssrc, index}, packet.first(kRtcpHeader), packet.first(size).subspan(kRtcpHeader), tag)) {
    return Fail(SrtpError::kAuthFailed);
  }
  if (stream == nullptr) stream = &AddReceived(ssrc);
  stream->rtcp.Commit(index);
  stream->last_used = ++received_packets_;
  return size;
}

ReceiveStream& SrtpSession::Impl::AddReceived(std::uint32_t ssrc) {
  if (received_.size() >= kMaxReceiveSsrcs) received_.Remove(received_.LeastRecentlyUsed());
  return received_.Add(ssrc);
}

SrtpSession::SrtpSession(const SrtpKeys& keys, SrtpBackend backend) : impl_(std::make_unique<Impl>(keys, backend)) {}
SrtpSession::~SrtpSession() = default;
SrtpSession::SrtpSession(SrtpSession&&) noexcept = default;
SrtpSession& SrtpSession::operator=(SrtpSession&&) noexcept = default;

Result<std::size_t, SrtpError> SrtpSession::ProtectRtp(ByteSpan buffer, std::size_t size) {
  return impl_->ProtectRtp(buffer, size);
}
Result<std::size_t, SrtpError> SrtpSession::ProtectRtcp(ByteSpan buffer, std::size_t size) {
  return impl_->ProtectRtcp(buffer, size);
}
Result<SrtpSendStream*, SrtpError> SrtpSession::OpenSendStream(std::uint32_t ssrc) {
  return impl_->OpenSendStream(ssrc);
}
Result<SrtpTicket, SrtpError> SrtpSession::TakeNumber(SrtpSendStream& stream, std::uint16_t sequence_number) {
  JB_TRY(const std::uint64_t index, impl_->TakeIndex(stream, sequence_number));
  SrtpTicket ticket;
  ticket.transform_ = impl_->send_rtp();
  ticket.ssrc_ = stream.ssrc;
  ticket.index_ = index;
  return ticket;
}
Result<std::size_t, SrtpError> SrtpSession::UnprotectRtp(ByteSpan packet) { return impl_->UnprotectRtp(packet); }
Result<std::size_t, SrtpError> SrtpSession::UnprotectRtcp(ByteSpan packet) { return impl_->UnprotectRtcp(packet); }
void SrtpSession::ForgetSsrc(std::uint32_t ssrc) { impl_->ForgetSsrc(ssrc); }
void SrtpSession::RetireSendSsrc(std::uint32_t ssrc) { impl_->RetireSendSsrc(ssrc); }

}  // namespace jb::crypto
