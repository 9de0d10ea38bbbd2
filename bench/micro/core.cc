// SPDX-License-Identifier: Apache-2.0
// Headers, packet buffers and deadlines: what the SFU core does itself.
#include <deque>
#include <memory>
#include <vector>

#include "media/rtp/packet_pool.h"
#include "micro/compare.h"
#include "proto/rtp/header_layout.h"
#include "sfu/ortc_internal.h"
#include "sfu/timer_wheel.h"
#include "testing/ordered_deadlines.h"
#include "testing/seeded_random.h"

namespace jb::micro {
namespace {

using sfu::ExtensionId;

constexpr std::uint8_t IdOf(ExtensionId id) { return static_cast<std::uint8_t>(id); }

// A packet of a camera, as producers lay it out.
rtp::HeaderLayout CameraLayout() {
  rtp::HeaderLayout layout;
  layout.Reserve(IdOf(ExtensionId::kMid), 5);
  layout.Reserve(IdOf(ExtensionId::kAbsSendTime), 3);
  layout.Reserve(IdOf(ExtensionId::kTransportCc), 2);
  layout.Reserve(IdOf(ExtensionId::kOrientation), 1);
  layout.Reserve(IdOf(ExtensionId::kPlayoutDelay), 3);
  return layout;
}

// What differs per receiver.
void PatchOwn(const rtp::HeaderLayout& layout, ByteSpan packet, std::uint16_t number, ByteView mid) {
  layout.Set(packet, IdOf(ExtensionId::kMid), mid);
  layout.SetU24(packet, IdOf(ExtensionId::kAbsSendTime), 0x123456);
  layout.SetU16(packet, IdOf(ExtensionId::kTransportCc), number);
}

constexpr std::size_t kTimed = 4000;  // transports of a full worker
constexpr std::size_t kTimerSteps = 20'000;
constexpr Duration kStep = Duration(20);

class Alarm : public sfu::Timed {
 public:
  Alarm(sfu::TimerWheel& wheel, Random& random) : Timed(wheel), random_(random) {}
  ~Alarm() override = default;
  using Timed::SetDeadline;

 private:
  void HandleDeadline(Time now) override;
  Random& random_;
};

// Feedback and reports: 20 ms to 1 s from now.
Time Later(Random& random, Time now) { return now + std::chrono::milliseconds(random.Between(20, 1000)); }
void Alarm::HandleDeadline(Time now) { SetDeadline(Later(random_, now)); }

}  // namespace

void CompareHeaders() {
  constexpr std::size_t kReceivers = 1000;
  rtp::HeaderFields fields;
  fields.timestamp = rtp::Timestamp(90'000);
  const Bytes mid{'1', '2'};
  const std::uint8_t orientation = 1;
  const Bytes delay{0, 1, 2};
  const rtp::HeaderLayout laid_out = CameraLayout();
  Bytes source(laid_out.size());
  laid_out.Write(source, fields);
  laid_out.Set(source, IdOf(ExtensionId::kOrientation), ByteView(&orientation, 1));
  laid_out.Set(source, IdOf(ExtensionId::kPlayoutDelay), delay);
  Bytes out(256);
  Compare(
      "header patched", "laid out for each receiver", kReceivers,
      [&] {
        for (std::size_t i = 0; i < kReceivers; ++i) {
          const rtp::HeaderLayout layout = CameraLayout();
          fields.sequence_number = rtp::SeqNum(static_cast<std::uint16_t>(i));
          fields.ssrc = rtp::Ssrc(static_cast<std::uint32_t>(i));
          layout.Write(out, fields);
          layout.Set(out, IdOf(ExtensionId::kOrientation), ByteView(&orientation, 1));
          layout.Set(out, IdOf(ExtensionId::kPlayoutDelay), delay);
          PatchOwn(layout, out, static_cast<std::uint16_t>(i), mid);
          Use(out[0]);
        }
      },
      [&] {
        for (std::size_t i = 0; i < kReceivers; ++i) {
          std::copy(source.begin(), source.end(), out.begin());
          rtp::SetSequenceNumber(out, rtp::SeqNum(static_cast<std::uint16_t>(i)));
          rtp::SetSsrc(out, rtp::Ssrc(static_cast<std::uint32_t>(i)));
          PatchOwn(laid_out, out, static_cast<std::uint16_t>(i), mid);
          Use(out[0]);
        }
      });
}

void ComparePools() {
  constexpr std::size_t kKept = 2000, kPackets = 20'000;
  std::deque<std::shared_ptr<media::PacketBuffer>> from_heap;
  media::PacketPool pool(2 * kKept);
  std::deque<media::PacketRef> pooled;
  Compare(
      "packet buffers from a pool", "make_shared each", kPackets,
      [&] {
        for (std::size_t i = 0; i < kPackets; ++i) {
          from_heap.push_back(std::make_shared_for_overwrite<media::PacketBuffer>());
          from_heap.back()->storage()[0] = 1;
          if (from_heap.size() > kKept) from_heap.pop_front();
        }
      },
      [&] {
        for (std::size_t i = 0; i < kPackets; ++i) {
          pooled.push_back(pool.Take());
          pooled.back()->storage()[0] = 1;
          if (pooled.size() > kKept) pooled.pop_front();
        }
      });
}

void CompareTimers() {
  testing::SeededRandom random(1), random2(1);
  Time now(std::chrono::seconds(1000)), now2 = now;
  testing::OrderedDeadlines tree(sfu::TimerWheel::kTick);
  sfu::TimerWheel wheel;
  std::vector<std::unique_ptr<Alarm>> alarms;
  wheel.Run(now);
  for (std::size_t i = 0; i < kTimed; ++i) {
    alarms.push_back(std::make_unique<Alarm>(wheel, random2));
    alarms[i]->SetDeadline(Later(random2, now));
    tree.Set(i, Later(random, now));
  }
  // A step is a packet: a deadline is moved, and what is due is called.
  Compare(
      "timer wheel", "tree (std::multimap)", kTimerSteps,
      [&] {
        for (std::size_t i = 0; i < kTimerSteps; ++i) {
          now += kStep;
          tree.Set(random.Between(0, kTimed - 1), Later(random, now));
          if (tree.next() <= now) tree.Run(now, [&](std::size_t id) { tree.Set(id, Later(random, now)); });
        }
      },
      [&] {
        for (std::size_t i = 0; i < kTimerSteps; ++i) {
          now2 += kStep;
          alarms[random2.Between(0, kTimed - 1)]->SetDeadline(Later(random2, now2));
          if (wheel.next() <= now2) wheel.Run(now2);
        }
      });
}

}  // namespace jb::micro
