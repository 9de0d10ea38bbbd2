// SPDX-License-Identifier: Apache-2.0
// What of each received picture is worth its bandwidth: nothing while nobody can see it, else the smallest layer that
// fills the place where it is shown. The page reports places and sizes, connection.ts tells the server; in between,
// everything here waits a little, so that a window being resized or a list being scrolled does not make layers flap.
import { LOWEST_LAYER_HEIGHT } from './encodings';

/** Pixels of the screen, not of CSS. */
export interface ShownSize {
  width: number;
  height: number;
}

export interface Wish {
  visible: boolean;
  /** Of the layers there are, counted from 0; null: there is nothing to choose. */
  spatialLayer: number | null;
}

/** How long a new size has to last. */
const SETTLE_MS = 400;
/** How long a picture has to be out of sight: coming back costs a key frame. */
const HIDE_AFTER_MS = 1500;
/** A picture may be shown this much larger than it is before the next layer is worth it... */
const STRETCH = 1.2;
/** ...and has to be shown this much smaller than the layer below before that one will do. */
const SHRINK = 1.0;

/**
 * The layer for a place of that many lines. `current` is the one chosen before: near a border it stays.
 * Layers are taken to double in height from 180 lines on, as this app sends them (encodings.ts).
 */
export function layerFor(layers: number, lines: number, current: number | null): number {
  const height = (layer: number) => LOWEST_LAYER_HEIGHT * 2 ** layer;
  const top = layers - 1;
  const smallest = (factor: number) => {
    for (let layer = 0; layer < top; ++layer) if (lines <= height(layer) * factor) return layer;
    return top;
  };
  if (current === null) return smallest(STRETCH);
  const low = smallest(STRETCH), high = smallest(SHRINK);
  return Math.min(Math.max(current, low), high);
}

/** Lines that a 16:9 picture needs to cover a place of that size. */
export function linesToCover({ width, height }: ShownSize): number {
  return Math.max(height, (width * 9) / 16);
}

interface Picture {
  /** 1: nothing to choose. */
  layers: number;
  places: Map<object, ShownSize>;
  wish: Wish;
  timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether a place was ever reported: until then it is taken to be on its way to the screen. */
  placed: boolean;
}

export class Viewing {
  private readonly pictures = new Map<string, Picture>();
  private readonly places = new Map<string, Map<object, ShownSize>>();
  private pageVisible = true;

  /** `tell` hears each wish that differs from the one before. */
  constructor(private readonly tell: (producerId: string, wish: Wish) => void) {}

  /** A picture is received from now on. Its first wish is the answer, and is not told. */
  add(producerId: string, layers: number): Wish {
    this.remove(producerId);
    const places = this.places.get(producerId) ?? new Map<object, ShownSize>();
    const picture: Picture = {
      layers, places, timer: undefined, placed: places.size > 0, wish: { visible: this.pageVisible, spatialLayer: null },
    };
    picture.wish = this.wishOf(picture);
    this.pictures.set(producerId, picture);
    return picture.wish;
  }

  remove(producerId: string): void {
    clearTimeout(this.pictures.get(producerId)?.timer);
    this.pictures.delete(producerId);
  }

  /** `place` shows the picture at that size; null: it does not, or cannot be seen. */
  show(producerId: string, place: object, size: ShownSize | null): void {
    let places = this.places.get(producerId);
    if (!places) this.places.set(producerId, (places = new Map()));
    if (size) places.set(place, size);
    else places.delete(place);
    if (places.size === 0) this.places.delete(producerId);
    const picture = this.pictures.get(producerId);
    if (!picture) return;
    const first = !picture.placed;
    picture.placed = true;
    picture.places = places;
    this.reconsider(producerId, picture, first);
  }

  setPageVisible(visible: boolean): void {
    if (visible === this.pageVisible) return;
    this.pageVisible = visible;
    for (const [producerId, picture] of this.pictures) this.reconsider(producerId, picture, false);
  }

  close(): void {
    for (const producerId of [...this.pictures.keys()]) this.remove(producerId);
  }

  private wishOf(picture: Picture): Wish {
    const { layers, places, placed, wish } = picture;
    const visible = this.pageVisible && (!placed || places.size > 0);
    // What is out of sight keeps its layer: it comes back as it went.
    if (layers < 2 || places.size === 0) return { visible, spatialLayer: wish.spatialLayer };
    const lines = Math.max(...[...places.values()].map(linesToCover));
    return { visible, spatialLayer: layerFor(layers, lines, wish.spatialLayer) };
  }

  /** Coming into sight counts at once, and so does the first size; everything else has to last. */
  private reconsider(producerId: string, picture: Picture, first: boolean): void {
    clearTimeout(picture.timer);
    picture.timer = undefined;
    const wish = this.wishOf(picture);
    const before = picture.wish;
    if (wish.visible === before.visible && wish.spatialLayer === before.spatialLayer) return;
    const adopt = () => {
      picture.timer = undefined;
      picture.wish = wish;
      this.tell(producerId, wish);
    };
    if (first || (wish.visible && !before.visible)) return adopt();
    picture.timer = setTimeout(adopt, before.visible && !wish.visible ? HIDE_AFTER_MS : SETTLE_MS);
  }
}
