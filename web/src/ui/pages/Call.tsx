// SPDX-License-Identifier: Apache-2.0
import { useEffect, useMemo, useRef, useState } from 'react';
import { audioContext, setOutputDevice } from '../../call/audio-context';
import type { CallSession } from '../../call/session';
import { useT } from '../../i18n';
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
import type { LoadedLanguages } from './Room';

export function Call({ session, languages }: { session: CallSession; languages: LoadedLanguages }) {
  const t = useT();
  const room = useStore(session.store, (state) => state.room);
  const captionsOn = useStore(preferences, (state) => state.captionsOn);
  const [panel, setPanel] = useState<PanelTab | null>(() => (window.innerWidth > 1100 ? 'captions' : null));
  const [settings, setSettings] = useState(false);
  const [draft, setDraft] = useState('');
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
  useServicesBack(session, languages.retry);
  useEffect(() => {
    // What had the focus went with the panel: keys and screen readers go on from the picture.
    if (!panel && document.activeElement === document.body) main.current?.focus();
  }, [panel]);

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
    <div className={`call ${panel ? 'with-panel' : ''} ${captionsOn ? 'with-captions' : ''}`}>
      <header className="call-head">
        <Logo />
        <h1>{room?.name || room?.code || ''}</h1>
        {room && room.name && room.name !== room.code && <span className="code dim">{room.code}</span>}
        <span className="spacer" />
        {room && <CopyLink code={room.code} />}
      </header>
      <Banners session={session} />
      <main className="call-main" ref={main} tabIndex={-1} aria-label={t('call.stage')}>
        <Stage session={session} languages={languages.value} />
        {captionsOn && <CaptionOverlay store={session.store} />}
        <Notices session={session} />
        <Announcements session={session} />
        <AudioUnblock session={session} />
      </main>
      {panel && (
        <SidePanel session={session} languages={languages.value} tab={panel} onTab={setPanel} unread={unread} draft={draft}
          onDraft={setDraft} />
      )}
      <Controls session={session} panel={panel} onPanel={toggle} unread={unread} onSettings={() => setSettings(true)} />
      {settings && <SettingsDialog session={session} languages={languages.value} onClose={() => setSettings(false)} />}
    </div>
  );
}

/** A service that comes back may offer languages that were not there before. */
function useServicesBack(session: CallSession, reload: () => void): void {
  const up = useStore(session.store, ({ services }) =>
    services === null ? '' : (['stt', 'translation', 'tts'] as const).filter((name) => services[name] === 'up').join());
  const before = useRef(up);
  useEffect(() => {
    const known = before.current.split(',');
    if (up.split(',').some((name) => !known.includes(name))) reload();
    before.current = up;
  }, [up, reload]);
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
