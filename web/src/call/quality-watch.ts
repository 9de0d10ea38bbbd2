// SPDX-License-Identifier: Apache-2.0
// Looks every two seconds how each person's connection fares, and tells the page: one statistics call per transport,
// whatever the number of people.
import type { Participant, Producer } from '../protocol/types';
import { QualityMeter, type Counters, type PictureQuality, type Quality, type StreamFigures } from './quality';

const LOOK_EVERY_MS = 2000;
/** A picture grows to its size when it begins: only what lasts is told. */
const LIMITED_LOOKS = 2;

/** The layers of a received picture, counted from 0: what the server sends, what was asked for, and how many there are. */
export interface LayersOf {
  current: number | null;
  wished: number | null;
  count: number;
  visible: boolean;
}

export interface Figures {
  received: ReadonlyMap<string, StreamFigures>;
  sent: StreamFigures | null;
  receivedRttMs: number | null;
  sentRttMs: number | null;
}

/** What a media connection does for us. */
export interface Measured {
  figures(): Promise<Figures>;
  layersOf(producerId: string): LayersOf | null;
}

export type Qualities = Readonly<Record<string, Quality>>;
export const SELF = 'self';

export class QualityWatch {
  private readonly meters = new Map<string, { meter: QualityMeter; limitedLooks: number }>();
  private readonly timer: ReturnType<typeof setInterval>;
  private looking = false;

  constructor(
    private readonly target: () => Measured | null,
    private readonly participants: () => readonly Participant[],
    private readonly tell: (qualities: Qualities) => void,
  ) {
    this.timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
  }

  close(): void {
    clearInterval(this.timer);
  }

  private async look(): Promise<void> {
    const target = this.target();
    // A tab that nobody sees needs no bars.
    if (!target || this.looking || document.visibilityState === 'hidden') return;
    this.looking = true;
    try {
      const figures = await target.figures();
      if (target === this.target()) this.tell(this.judge(target, figures));
    } catch {
      // The connection was closed meanwhile.
    } finally {
      this.looking = false;
    }
  }

  private judge(target: Measured, figures: Figures): Qualities {
    const told: Record<string, Quality> = {};
    for (const { id, producers } of this.participants()) {
      const quality = this.received(id, producers, target, figures);
      if (quality) told[id] = quality;
    }
    if (figures.sent && figures.sent.packets > 0) told[SELF] = this.sentQuality(figures.sent, figures.sentRttMs);
    for (const id of [...this.meters.keys()]) if (!told[id]) this.meters.delete(id);
    return told;
  }

  private received(id: string, producers: readonly Producer[], target: Measured, figures: Figures): Quality | null {
    // A translated voice is made at the server: it says nothing about the person.
    const streams = producers.filter(({ source, paused }) => !paused && source !== 'translation');
    const known = streams.flatMap(({ id: producerId }) => figures.received.get(producerId) ?? []);
    if (known.length === 0) return null;
    const camera = streams.find(({ source }) => source === 'camera');
    const layers = camera ? target.layersOf(camera.id) : null;
    const stream = camera && figures.received.get(camera.id);
    const seen = layers?.visible === true;
    const picture = seen && stream && stream.fps > 0 ? pictureOf(stream, layers) : null;
    const below = seen && layers.count > 1 && (layers.current ?? -1) < (layers.wished ?? layers.count - 1);
    return this.measure(id, sum(known), {
      rttMs: figures.receivedRttMs, picture, limited: below, busy: false,
      expected: streams.some(({ source }) => source === 'mic') || seen,
    });
  }

  private sentQuality(sent: StreamFigures, rttMs: number | null): Quality {
    return this.measure(SELF, sent, {
      rttMs, picture: sent.height > 0 ? pictureOf(sent, null) : null, expected: false,
      limited: sent.limitation === 'bandwidth', busy: sent.limitation === 'cpu',
    });
  }

  private measure(id: string, counters: Counters, around: Parameters<QualityMeter['feed']>[1]): Quality {
    const kept = this.meters.get(id) ?? { meter: new QualityMeter(), limitedLooks: 0 };
    this.meters.set(id, kept);
    kept.limitedLooks = around.limited ? kept.limitedLooks + 1 : 0;
    return kept.meter.feed(counters, { ...around, limited: kept.limitedLooks >= LIMITED_LOOKS });
  }
}

function pictureOf(stream: StreamFigures, layers: LayersOf | null): PictureQuality {
  const { width, height, fps, codec } = stream;
  const layer = layers && layers.count > 1 && layers.current !== null ? layers.current + 1 : null;
  return { width, height, fps: Math.round(fps), codec, layer, layers: layers?.count ?? 1 };
}

function sum(streams: readonly Counters[]): Counters {
  const total: Counters = { at: streams[0]?.at ?? 0, packets: 0, lost: 0, bytes: 0 };
  for (const { packets, lost, bytes } of streams) {
    total.packets += packets;
    total.lost += Math.max(0, lost);
    total.bytes += bytes;
  }
  return total;
}
