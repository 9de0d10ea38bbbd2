// SPDX-License-Identifier: Apache-2.0
#include "media/layers/layer_selector.h"

#include "media/layers/dependency_selector.h"
#include "media/layers/vp8_selector.h"
#include "media/layers/vp9_selector.h"

namespace jb::media {

void LayerSelector::Restart() {
  current_ = before_ = target_;
  newest_.reset();
  moved_ = false;
  needs_key_frame_ = false;
}

bool LayerSelector::IsNewest(rtp::SeqNum seq) {
  if (newest_ && !seq.IsNewerThan(*newest_)) return false;
  newest_ = seq;
  return true;
}

Layers LayerSelector::LayersAt(rtp::SeqNum seq) const {
  return moved_ && moved_at_.IsNewerThan(seq) ? before_ : current_;
}

void LayerSelector::MoveTo(Layers layers, rtp::SeqNum seq) {
  if (layers == current_) return;
  before_ = current_;
  current_ = layers;
  moved_at_ = seq;
  moved_ = true;
}

std::unique_ptr<LayerSelector> MakeLayerSelector(Codec codec, SpatialDependency dependency) {
  switch (codec) {
    case Codec::kVp9: return std::make_unique<Vp9Selector>(dependency);
    case Codec::kH264:
    case Codec::kAv1: return std::make_unique<DependencySelector>();
    case Codec::kVp8:
    case Codec::kOpus: break;
  }
  return std::make_unique<Vp8Selector>();
}

}  // namespace jb::media
