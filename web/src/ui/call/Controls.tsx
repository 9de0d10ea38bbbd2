// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react';
import type { CallSession } from '../../call/session';
import { canShareScreen } from '../../call/devices';
import { useT } from '../../i18n';
import { preferences } from '../../state/preferences';
import { useStore } from '../../state/store';
import { Icon, type IconName } from '../parts/Icon';
import { Popover } from '../parts/Popover';
import type { PanelTab } from './SidePanel';

const EMOJIS = ['👍', '👏', '❤️', '😂', '😮', '🎉'];

interface Props {
  session: CallSession;
  panel: PanelTab | null;
  onPanel: (tab: PanelTab) => void;
  unread: number;
  onSettings: () => void;
}

export function Controls({ session, panel, onPanel, unread, onSettings }: Props) {
  const t = useT();
  const state = useStore(session.store, (s) => ({
    microphoneOn: s.microphoneOn, pushToTalk: s.pushToTalk, hasMicrophone: s.hasMicrophone, camera: s.camera,
    cameraWanted: s.cameraWanted, screen: s.screen, hand: s.handRaised,
  }));
  const captionsOn = useStore(preferences, (s) => s.captionsOn);
  const heard = state.hasMicrophone && (state.microphoneOn || state.pushToTalk);
  const seen = state.cameraWanted && state.camera !== null;
  const screen = canShareScreen() && (
    <Control icon="screen" label={t(state.screen ? 'call.screenOff' : 'call.screenOn')}
      tone={state.screen ? 'active' : undefined} onClick={() => session.setScreen(state.screen === null)} />
  );
  const hand = (
    <Control icon="hand" label={t(state.hand ? 'call.handDown' : 'call.hand')}
      tone={state.hand ? 'active' : undefined} onClick={() => session.setHand(!state.hand)} />
  );
  const settings = <Control icon="settings" label={t('call.settings')} onClick={onSettings} />;
  const people = (
    <Control icon="people" label={t('call.people')} pressed={panel === 'people'} onClick={() => onPanel('people')} />
  );
  return (
    <nav className="controls" aria-label={t('call.controls')}>
      <Control icon={heard ? 'mic' : 'micOff'} label={t(state.microphoneOn ? 'call.mute' : 'call.unmute')}
        tone={heard ? undefined : 'off'} busy={state.microphoneOn && !state.hasMicrophone}
        onClick={() => session.setMicrophone(!state.microphoneOn)} />
      <Control icon={seen ? 'camera' : 'cameraOff'}
        label={t(state.cameraWanted ? 'call.cameraOff' : 'call.cameraOn')}
        tone={seen ? undefined : 'off'} busy={state.cameraWanted && !seen}
        onClick={() => session.setCamera(!state.cameraWanted)} />
      <span className="wide-only">{screen}</span>
      <span className="controls-gap" />
      <Control icon="captions" label={t('call.captions')} pressed={captionsOn} tone={captionsOn ? 'active' : undefined}
        onClick={() => preferences.set({ captionsOn: !captionsOn })} />
      <Popover label={t('mix.title')} button={(props) => <Control icon="mix" label={t('call.mix')} {...props} />}>
        {() => <Mix session={session} />}
      </Popover>
      <Control icon="chat" label={unread > 0 ? `${t('call.chat')}, ${t('call.unread', { count: unread })}` : t('call.chat')}
        pressed={panel === 'chat'} onClick={() => onPanel('chat')} count={unread} />
      <span className="wide-only">{people}</span>
      <span className="wide-only">
        <Popover label={t('call.react')} button={(props) => <Control icon="smile" label={t('call.react')} {...props} />}>
          {(close) => <Reactions session={session} close={close} />}
        </Popover>
      </span>
      <span className="wide-only">{hand}</span>
      <span className="wide-only">{settings}</span>
      <span className="narrow-only">
        <Popover label={t('call.more')} align="end" button={(props) => <Control icon="more" label={t('call.more')} {...props} />}>
          {(close) => (
            <div className="more">
              <Reactions session={session} close={close} />
              <div className="more-row" onClick={close}>{screen}{hand}{people}{settings}</div>
            </div>
          )}
        </Popover>
      </span>
      <span className="controls-gap" />
      <Control icon="leave" label={t('call.leave')} tone="leave" onClick={() => session.leave()} />
    </nav>
  );
}

interface ControlProps {
  icon: IconName;
  label: string;
  onClick: () => void;
  /** Of a switch whose words stay the same; where they say what a press does, they say the state as well. */
  pressed?: boolean;
  /** Wanted, and not there yet. */
  busy?: boolean;
  tone?: 'off' | 'active' | 'leave' | undefined;
  count?: number;
  'aria-expanded'?: boolean;
  'aria-controls'?: string;
}

function Control({ icon, label, onClick, pressed, busy = false, tone, count = 0, ...aria }: ControlProps): ReactNode {
  return (
    <button className={`round ${tone ?? ''} ${busy ? 'busy' : ''}`} aria-busy={busy} onClick={onClick} aria-label={label} title={label} data-control={icon}
      {...(pressed === undefined ? {} : { 'aria-pressed': pressed })} {...aria}>
      <Icon name={icon} />
      {count > 0 && <span className="count" aria-hidden="true">{count}</span>}
    </button>
  );
}

function Reactions({ session, close }: { session: CallSession; close: () => void }) {
  return (
    <div className="emojis">
      {EMOJIS.map((emoji) => (
        <button key={emoji} onClick={() => { session.react(emoji); close(); }}>{emoji}</button>
      ))}
    </div>
  );
}

function Mix({ session }: { session: CallSession }) {
  const t = useT();
  const { mix, translated } = useStore(session.store, (state) => ({
    mix: state.mix,
    translated: state.participants.some(({ producers }) => producers.some(({ source }) => source === 'translation')),
  }));
  return (
    <div className="mix">
      <label htmlFor="mix">{t('mix.title')}</label>
      <input id="mix" type="range" min={0} max={100} step={5} value={Math.round(mix * 100)}
        onChange={(event) => session.setMix(Number(event.target.value) / 100)} />
      <div className="mix-ends"><span>{t('mix.original')}</span><span>{t('mix.translated')}</span></div>
      <p className="note">{t(translated || mix === 0 ? 'mix.help' : 'mix.none')}</p>
    </div>
  );
}
