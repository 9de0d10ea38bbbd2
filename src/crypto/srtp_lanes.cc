// SPDX-License-Identifier: Apache-2.0
// AES-CM and HMAC-SHA1 through the job interface of Intel's multi-buffer library: up to 16 hashes side by side.
#include "base/result.h"
#include "crypto/srtp_transform.h"

#ifdef JB_HAVE_IPSEC_MB

#include <algorithm>

#include "crypto/ipsec_mb.h"

namespace jb::crypto {
namespace {

constexpr std::size_t kSha1Block = 64;   // FIPS 180-4
constexpr std::size_t kSha1Digest = 20;  // FIPS 180-4
constexpr std::size_t kTagSize = 10;     // HMAC-SHA1-80, RFC 3711 section 4.2.1

struct ManagerFreer {
  void operator()(IMB_MGR* manager) const { free_mb_mgr(manager); }
};
using ManagerPtr = std::unique_ptr<IMB_MGR, ManagerFreer>;

ManagerPtr MakeManager() {
  ManagerPtr manager(alloc_mb_mgr(0));
  JB_CHECK(manager != nullptr);
  init_mb_mgr_auto(manager.get(), nullptr);
  return manager;
}

class LaneKey : public CounterModeLanes::Key {
 public:
  LaneKey(const IMB_MGR& library, ByteView encryption, ByteView authentication) {
    JB_CHECK(encryption.size() == IMB_KEY_128_BYTES && authentication.size() <= kSha1Block);
    std::array<std::uint8_t, sizeof cipher> unused;  // for decryption
    IMB_AES_KEYEXP_128(&library, encryption.data(), cipher.data(), unused.data());
    Pad(library, authentication, 0x36, inner);
    Pad(library, authentication, 0x5c, outer);
  }

  alignas(16) std::array<std::uint8_t, 16 * 11> cipher;  // FIPS 197: ten rounds
  alignas(16) std::array<std::uint8_t, kSha1Digest> inner, outer;

 private:
  // RFC 2104: the state of the hash after the key's block.
  static void Pad(const IMB_MGR& library, ByteView key, std::uint8_t pad, std::array<std::uint8_t, kSha1Digest>& out) {
    std::array<std::uint8_t, kSha1Block> block;
    block.fill(pad);
    for (std::size_t i = 0; i < key.size(); ++i) block[i] ^= key[i];
    IMB_SHA1_ONE_BLOCK(&library, block.data(), out.data());
  }
};

class IpsecMbLanes : public CounterModeLanes {
 public:
  void Submit(const Key& key, const CounterBlock& start, ByteSpan packet, std::size_t header_size,
              std::uint32_t rollover) override {
    const auto& lane_key = static_cast<const LaneKey&>(key);
    Waiting& waiting = waiting_[next_++ % kMaxWaiting];
    waiting.start = start;
    waiting.end = packet.data() + packet.size();
    StoreU32(waiting.end, rollover);  // where the tag will be: RFC 3711 section 4.2 hashes it behind the packet
    IMB_JOB* job = IMB_GET_NEXT_JOB(manager_.get());
    const std::size_t size = packet.size() - header_size;
    job->cipher_mode = size > 0 ? IMB_CIPHER_CNTR : IMB_CIPHER_NULL;
    job->cipher_direction = IMB_DIR_ENCRYPT;
    job->chain_order = IMB_ORDER_CIPHER_HASH;
    job->enc_keys = job->dec_keys = lane_key.cipher.data();
    job->key_len_in_bytes = IMB_KEY_128_BYTES;
    job->iv = waiting.start.data();
    job->iv_len_in_bytes = waiting.start.size();
    job->src = packet.data();
    job->dst = packet.data() + header_size;
    job->cipher_start_src_offset_in_bytes = header_size;
    job->msg_len_to_cipher_in_bytes = size;
    job->hash_alg = IMB_AUTH_HMAC_SHA_1;
    job->hash_start_src_offset_in_bytes = 0;
    job->msg_len_to_hash_in_bytes = packet.size() + sizeof rollover;
    job->u.HMAC._hashed_auth_key_xor_ipad = lane_key.inner.data();
    job->u.HMAC._hashed_auth_key_xor_opad = lane_key.outer.data();
    job->auth_tag_output = waiting.digest.data();
    job->auth_tag_output_len_in_bytes = waiting.digest.size();
    job->user_data = &waiting;
    for (IMB_JOB* done = IMB_SUBMIT_JOB(manager_.get()); done != nullptr;
         done = IMB_GET_COMPLETED_JOB(manager_.get())) {
      Complete(*done);
    }
  }

  void Finish() override {
    while (IMB_JOB* done = IMB_FLUSH_JOB(manager_.get())) Complete(*done);
  }

 private:
  struct Waiting {
    alignas(16) CounterBlock start;
    std::array<std::uint8_t, kSha1Digest> digest;
    std::uint8_t* end;
  };
  // As many as the library holds: with more it hands back the oldest.
  static constexpr std::size_t kMaxWaiting = IMB_MAX_JOBS;

  static void Complete(const IMB_JOB& job) {
    JB_CHECK(job.status == IMB_STATUS_COMPLETED);
    const auto& waiting = *static_cast<const Waiting*>(job.user_data);
    std::copy_n(waiting.digest.begin(), kTagSize, waiting.end);
  }

  const ManagerPtr manager_ = MakeManager();
  std::array<Waiting, kMaxWaiting> waiting_;
  std::size_t next_ = 0;
};

}  // namespace

std::unique_ptr<CounterModeLanes> MakeIpsecMbLanes() {
  if (!HasIpsecMb()) return nullptr;
  return std::make_unique<IpsecMbLanes>();
}

std::unique_ptr<CounterModeLanes::Key> MakeIpsecMbLaneKey(ByteView encryption, ByteView authentication) {
  const IMB_MGR* library = IpsecMbLibrary();
  return library != nullptr ? std::make_unique<LaneKey>(*library, encryption, authentication) : nullptr;
}

}  // namespace jb::crypto

#else

namespace jb::crypto {

std::unique_ptr<CounterModeLanes> MakeIpsecMbLanes() { return nullptr; }
std::unique_ptr<CounterModeLanes::Key> MakeIpsecMbLaneKey(ByteView, ByteView) { return nullptr; }

}  // namespace jb::crypto

#endif
