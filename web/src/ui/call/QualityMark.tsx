// SPDX-License-Identifier: Apache-2.0
// Three bars in a tile: how the connection to that person fares. A press shows why, and the figures.
import { useId, useRef, type KeyboardEvent, type ToggleEvent } from 'react';
import type { Quality, QualityCause } from '../../call/quality';
import { useT, type Key } from '../../i18n';

/** The words of each cause; of ourselves they are others, because other things can be done about it. */
const CAUSES: Record<QualityCause, Key> = {
  good: 'quality.good', lossy: 'quality.lossy', slow: 'quality.slow', limited: 'quality.limited', busy: 'quality.busy',
  silent: 'quality.silent',
};

export function QualityMark({ quality, name, own = false }: { quality: Quality; name: string; own?: boolean }) {
  const t = useT();
  const id = useId();
  const card = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const cause = t(own && quality.cause === 'limited' ? 'quality.limitedOwn' : CAUSES[quality.cause]);
  const label = own ? t('quality.own', { cause }) : t('quality.of', { name, cause });

  const place = (event: ToggleEvent<HTMLDivElement>) => {
    if (event.newState !== 'open' || !card.current || !button.current) return;
    const at = button.current.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = card.current;
    const below = at.bottom + 8 + height <= window.innerHeight;
    card.current.style.setProperty('left', `${Math.max(8, Math.min(at.left, window.innerWidth - width - 8))}px`);
    card.current.style.setProperty('top', `${below ? at.bottom + 8 : Math.max(8, at.top - 8 - height)}px`);
  };
  // Escape closes the card, and not what lies behind it.
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== 'Escape' || !card.current?.matches(':popover-open')) return;
    event.stopPropagation();
    card.current.hidePopover();
  };
  // A browser without popovers says the words when the pointer rests on the bars.
  const opens = 'popover' in HTMLElement.prototype;
  return (
    <span className="quality" onKeyDown={onKey}>
      <button ref={button} type="button" className={`quality-button bars-${quality.bars}`} aria-label={label} title={label}
        data-quality={quality.cause} {...(opens ? { popoverTarget: id } : {})}>
        <span aria-hidden="true"><i /><i /><i /></span>
      </button>
      {opens && (
        <div ref={card} id={id} popover="auto" className="quality-card" role="group" aria-label={label} onToggle={place}>
          <p>{cause}</p>
          <Figures quality={quality} />
        </div>
      )}
    </span>
  );
}

function Figures({ quality: { picture, lossPercent, rttMs, kbps } }: { quality: Quality }) {
  const t = useT();
  const rows: [Key, string][] = [];
  if (picture) {
    rows.push(['quality.picture', `${picture.width}×${picture.height}, ${t('quality.fps', { count: picture.fps })}${picture.codec ? `, ${picture.codec}` : ''}`]);
    if (picture.layer !== null) {
      rows.push(['quality.layer', t('quality.layerOf', { layer: picture.layer, layers: picture.layers })]);
    }
  }
  rows.push(['quality.bitrate', `${Math.round(kbps)} kbit/s`]);
  rows.push(['quality.loss', `${lossPercent.toFixed(lossPercent < 10 ? 1 : 0)} %`]);
  if (rttMs !== null) rows.push(['quality.delay', `${Math.round(rttMs)} ms`]);
  return (
    <dl>
      {rows.map(([key, value]) => <div key={key}><dt>{t(key)}</dt><dd>{value}</dd></div>)}
    </dl>
  );
}
