// SPDX-License-Identifier: Apache-2.0
import { useEffect, useMemo, useRef, useState } from 'react';
import { audioContext, setOutputDevice } from '../../call/audio-context';
import type { CallSession } from '../../call/session';
import { useT } from '../../i18n';
import type { ServerLanguages } from '../../protocol/types';
import { preferences } from '../../state/preferences';
import { useStore } from '../../state/store';
import { CaptionOverlay } from '../call/CaptionOverlay';
import { Controls } from '../call/Controls';
import { Announcements, Banners, Notices } from '../call/Notices';
import { SidePanel, type PanelTab } from '../call/SidePanel';
import { SettingsDialog } from '../call/SettingsDialog';
import { Stage } from '../call/Stage';
import { useKeys } from '../call/keys';
import { useUnread } from '../call/unread';
import { Icon, Logo } from '../parts/Icon';
import { CopyLink } from '../parts/small';

export function Call({ session, languages }: { session: CallSession; languages: ServerLanguages | null }) {
  const t = useT();
  const room = useStore(session.store, (state) => state.room);
  const captionsOn = useStore(preferences, (state) => state.captionsOn);
  const [panel, setPanel] = useState<PanelTab | null>(() => (window.innerWidth > 1100 ? 'captions' : null));
  const [settings, setSettings] = useState(false);
  const unread = useUnread(session.store, panel === 'chat');
  const main = useRef<HTMLElement>(null);

  useEffect(() => void setOutputDevice(preferences.get().speakerId), []);
  useEffect(() => main.current?.focus(), []);
  useEffect(() => {
    document.title = room ? `${room.name || room.code} · JB Calling` : 'JB Calling';
    return () => {
      document.title = 'JB Calling';
    };
  }, [room]);
  useEffect(keepAwake, []);

  const actions = useMemo(
    () => ({
      toggleCaptions: () => preferences.set({ captionsOn: !preferences.get().captionsOn }),
      escape: () => (settings ? setSettings(false) : setPanel(null)),
    }),
    [settings],
  );
  useKeys(session, actions);

  const toggle = (tab: PanelTab) => setPanel((open) => (open === tab ? null : tab));
  return (
    <div className={`call ${panel ? 'with-panel' : ''}`}>
      <header className="call-head">
        <Logo />
        <h1>{room?.name || room?.code || ''}</h1>
        {room && room.name && room.name !== room.code && <span className="code dim">{room.code}</span>}
        <span className="spacer" />
        {room && <CopyLink code={room.code} />}
      </header>
      <Banners session={session} />
      <main className="call-main" ref={main} tabIndex={-1} aria-label={t('call.stage')}>
        <Stage session={session} />
        {captionsOn && <CaptionOverlay store={session.store} />}
        <Notices session={session} />
        <Announcements session={session} />
        <AudioUnblock session={session} />
      </main>
      {panel && <SidePanel session={session} languages={languages} tab={panel} onTab={setPanel} unread={unread} />}
      <Controls session={session} panel={panel} onPanel={toggle} unread={unread} onSettings={() => setSettings(true)} />
      {settings && <SettingsDialog session={session} languages={languages} onClose={() => setSettings(false)} />}
    </div>
  );
}

/** The screen of a phone stays on during a call; the lock is lost whenever the page is hidden. */
function keepAwake(): () => void {
  let lock: WakeLockSentinel | null = null;
  let done = false;
  const take = async () => {
    if (done || document.visibilityState !== 'visible') return;
    lock = (await navigator.wakeLock?.request('screen').catch(() => null)) ?? null;
  };
  void take();
  document.addEventListener('visibilitychange', take);
  return () => {
    done = true;
    document.removeEventListener('visibilitychange', take);
    void lock?.release();
  };
}

function AudioUnblock({ session }: { session: CallSession }) {
  const t = useT();
  const blocked = useStore(session.store, (state) => state.audioBlocked);
  if (!blocked) return null;
  return (
    <button className="audio-unblock" onClick={() => void audioContext().resume()}>
      <Icon name="volume" />
      <span>{t('call.audioBlocked')}</span>
      <strong>{t('call.audioUnblock')}</strong>
    </button>
  );
}
