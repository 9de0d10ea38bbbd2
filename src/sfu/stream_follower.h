// SPDX-License-Identifier: Apache-2.0
// Which of a producer's encodings one consumer is sent, from which packet on, which layers of it, and how its
// timestamps go on when the source changes. Changes the encoding at a key frame of the new one; until that has come
// the old one goes on, thinned to its base where less is wanted.
// Does not number packets, send, or ask for key frames: its consumer does. Sans-IO, single-threaded; nothing is
// allocated per packet. Borrows producer and consumer, which outlive it; the encodings know who follows them.
// Specs: sfu-contract section 11.
#pragma once

#include <memory>
#include <optional>

#include "media/layers/layer_selector.h"
#include "media/layers/timestamp_aligner.h"
#include "sfu/forward.h"

namespace jb::sfu {

class Consumer;
class IngressStream;
class Producer;

class StreamFollower {
 public:
  StreamFollower(Producer& producer, Consumer& consumer, std::uint32_t clock_rate);
  ~StreamFollower();
  StreamFollower(const StreamFollower&) = delete;
  StreamFollower& operator=(const StreamFollower&) = delete;

  // What is wanted from here on, chosen anew among the encodings that flow. nullopt: nothing; what was sent ends here.
  // True: a key frame of sought() is needed now.
  bool Follow(std::optional<media::Layers> wanted);
  // There is no room for even the base of a size larger than the one wanted: it ends, before the key frame that a smaller
  // one begins with has come. Where smaller ones need none nothing happens. True: a key frame of sought() is needed now.
  bool EndLarger();
  // The source jumps: the next packet sent is the first of a key frame.
  void Resync() { Stop(); }
  // `stream` has begun to count anew.
  void HandleRestart(const IngressStream& stream);

  // The encoding that it should be sent; nullptr: none.
  IngressStream* sought() const { return sought_; }
  // The packets of `stream` are being sent.
  bool IsSent(const IngressStream* stream) const { return in_sync_ && source_ == stream; }
  // What is sent, in the receiver's layers; nullopt while it waits.
  std::optional<media::Layers> layers() const;

  enum class Action : std::uint8_t {
    kForward,
    kDrop,    // not for this receiver: its numbers close over it
    kIgnore,  // of another encoding than the one being sent
    kWait,    // a key frame is needed first
    kHold,    // cannot be told yet
  };
  struct Verdict {
    Action action = Action::kIgnore;
    bool begins = false;           // the numbers begin anew with it
    bool wants_key_frame = false;  // only one leads to the layers wanted
    PacketForm form;               // but for the sequence number
  };
  Verdict Take(IngressStream* stream, const ForwardedPacket& packet, Time now);

 private:
  bool Begin(IngressStream* stream, const ForwardedPacket& packet, Time now);
  // These two keep the encodings' lists: the one sought is followed, and the one being sent.
  void Seek(IngressStream* stream);
  void Stop();
  // The layers to select within the encoding being sent.
  media::Layers Target() const;

  Producer& producer_;
  Consumer& consumer_;
  std::unique_ptr<media::LayerSelector> selector_;  // nullptr: audio
  media::TimestampAligner timestamps_;
  std::optional<media::Layers> wanted_;
  IngressStream* sought_ = nullptr;
  IngressStream* source_ = nullptr;  // of the last packet sent
  bool in_sync_ = false;
  bool restarted_ = false;  // source_ began to count anew
};

}  // namespace jb::sfu
