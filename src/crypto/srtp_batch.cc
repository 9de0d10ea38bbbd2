// SPDX-License-Identifier: Apache-2.0
#include "crypto/srtp_batch.h"

#include "base/result.h"
#include "crypto/srtp_transform.h"

namespace jb::crypto {

SrtpBatch::SrtpBatch(SrtpBackend backend) {
  if (backend != SrtpBackend::kOpenSsl) lanes_ = MakeIpsecMbLanes();
}
SrtpBatch::~SrtpBatch() = default;

std::size_t SrtpBatch::Add(SrtpTicket ticket, ByteSpan packet, std::size_t header_size, ByteView payload) {
  JB_CHECK(ticket);
  JB_CHECK(header_size + payload.size() + SrtpSession::kMaxOverhead <= packet.size());
  ticket.transform_->SealLater(lanes_.get(), {ticket.ssrc_, ticket.index_}, packet.first(header_size), payload,
                               packet.data() + header_size);
  return header_size + payload.size() + ticket.transform_->tag_size();
}

void SrtpBatch::Finish() {
  if (lanes_) lanes_->Finish();
}

}  // namespace jb::crypto
