// SPDX-License-Identifier: Apache-2.0
// The people (and a shared screen) in the space there is.
import { useEffect, useRef, useState } from 'react';
import type { CallSession } from '../../call/session';
import type { Viewing } from '../../call/viewing';
import { useT } from '../../i18n';
import type { ServerLanguages } from '../../protocol/types';
import { useStore } from '../../state/store';
import { bestGrid } from '../grid';
import { CopyLink } from '../parts/small';
import { Video } from '../parts/Video';
import { SelfTile, Tile } from './Tile';

export function Stage({ session, languages }: { session: CallSession; languages: ServerLanguages | null }) {
  const { participants, room, live } = useStore(session.store, (state) => ({
    participants: state.participants, room: state.room, live: state.link.wasLive,
  }));
  const screen = useScreen(session);
  const count = participants.length + 1;
  return (
    <div className={`stage ${screen ? 'with-screen' : ''}`}>
      {screen && <ScreenView {...screen} />}
      <TileGrid count={count} strip={screen !== null}>
        <SelfTile session={session} />
        {participants.map((participant) => (
          <Tile key={participant.id} session={session} participant={participant} languages={languages} />
        ))}
      </TileGrid>
      {live && count === 1 && room && <Alone code={room.code} />}
    </div>
  );
}

function Alone({ code }: { code: string }) {
  const t = useT();
  return (
    <div className="alone">
      <p>{t('call.alone')}</p>
      <CopyLink code={code} className="button primary" />
    </div>
  );
}

interface Shared {
  track: MediaStreamTrack;
  label: string;
  shown?: { viewing: Viewing; producerId: string };
}

/** The screen that is shared: the newest of somebody else, or a note of our own. */
function useScreen(session: CallSession): Shared | null {
  const t = useT();
  const { participants, videoTracks, own } = useStore(session.store, (state) => ({
    participants: state.participants, videoTracks: state.videoTracks, own: state.screen,
  }));
  for (const participant of [...participants].reverse()) {
    const producer = participant.producers.find(({ source }) => source === 'screen');
    const track = producer && videoTracks[producer.id];
    if (producer && track) {
      const shown = { viewing: session.viewing, producerId: producer.id };
      return { track, label: t('call.screenOf', { name: participant.name }), shown };
    }
  }
  return own ? { track: own, label: t('call.yourScreen') } : null;
}

function ScreenView({ track, label, shown }: Shared) {
  return (
    <figure className="screen">
      <Video track={track} label={label} shown={shown} />
      <figcaption>{label}</figcaption>
    </figure>
  );
}

function TileGrid({ count, strip, children }: { count: number; strip: boolean; children: React.ReactNode }) {
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry) setSize({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    const style = box.current?.style;
    if (!style) return;
    const { columns, tileWidth, tileHeight } = bestGrid(count, size.width, size.height);
    style.setProperty('--columns', String(columns));
    style.setProperty('--tile-width', `${Math.floor(tileWidth)}px`);
    style.setProperty('--tile-height', `${Math.floor(tileHeight)}px`);
  }, [count, size]);
  return (
    <div className={strip ? 'tiles strip' : 'tiles'} ref={box}>
      {children}
    </div>
  );
}

