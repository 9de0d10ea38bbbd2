// SPDX-License-Identifier: Apache-2.0
import { useEffect, useRef, useState } from 'react';
import { canChooseOutput, setOutputDevice } from '../../call/audio-context';
import type { CallSession } from '../../call/session';
import { useT, type Key } from '../../i18n';
import { hearsFor } from '../../i18n/languages';
import { Failure } from '../../protocol/failure';
import { rest } from '../../protocol/rest';
import type { Language, ServerLanguages } from '../../protocol/types';
import { forgetOwnerToken, recallOwnerToken } from '../../state/memory';
import { preferences, type VideoQuality } from '../../state/preferences';
import { useStore } from '../../state/store';
import { DeviceSelect, useDevices } from '../parts/DeviceSelect';
import { Icon } from '../parts/Icon';
import { HearSelect, SpeakSelect } from '../parts/LanguageSelect';
import { InterfaceLanguage } from '../parts/small';

interface Props {
  session: CallSession;
  languages: ServerLanguages | null;
  onClose: () => void;
}

export function SettingsDialog({ session, languages, onClose }: Props) {
  const t = useT();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog className="dialog" ref={dialog} aria-labelledby="settings-title" onClose={onClose}
      onClick={(event) => event.target === dialog.current && dialog.current?.close()}>
      <div className="dialog-head">
        <h2 id="settings-title">{t('settings.title')}</h2>
        <button className="icon-button" aria-label={t('common.close')} onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </button>
      </div>
      <div className="dialog-body">
        {languages && <Languages session={session} languages={languages} />}
        <DeviceChoices session={session} />
        <Keys />
        <EndRoom session={session} />
      </div>
    </dialog>
  );
}

function Languages({ session, languages }: { session: CallSession; languages: ServerLanguages }) {
  const t = useT();
  const { speaks, hears } = useStore(session.store, (state) => ({ speaks: state.speaks, hears: state.hears }));
  // What is heard may be offered only to who speaks it.
  const speak = (language: Language) => {
    const valid = hearsFor(languages, language, hears);
    void session.setLanguages({ speaks: language, ...(valid === hears ? {} : { hears: valid }) });
  };
  return (
    <section>
      <h3>{t('settings.languages')}</h3>
      <div className="field-pair">
        <SpeakSelect server={languages} value={speaks} onChange={(language) => speak(language)} />
        <HearSelect server={languages} value={hears} speaks={speaks}
          onChange={(language) => void session.setLanguages({ hears: language })} />
      </div>
      <InterfaceLanguage />
    </section>
  );
}

const QUALITIES: VideoQuality[] = ['low', 'standard', 'high'];

function DeviceChoices({ session }: { session: CallSession }) {
  const t = useT();
  const { videoQuality, voiceProcessing } = useStore(preferences, (state) => ({
    videoQuality: state.videoQuality, voiceProcessing: state.voiceProcessing,
  }));
  const opened = useStore(session.store, (state) => ({ microphone: state.hasMicrophone, camera: state.camera }));
  const devices = useDevices(opened.microphone, opened.camera);
  return (
    <section>
      <h3>{t('settings.devices')}</h3>
      <DeviceSelect kind="microphone" devices={devices.microphones} onChange={() => session.changeDevice('microphone')} />
      <DeviceSelect kind="camera" devices={devices.cameras} onChange={() => session.changeDevice('camera')} />
      {canChooseOutput() && (
        <DeviceSelect kind="speaker" devices={devices.speakers} onChange={(id) => void setOutputDevice(id)} />
      )}
      <div className="field">
        <label htmlFor="quality">{t('settings.quality')}</label>
        <select id="quality" value={videoQuality} onChange={(event) => {
          preferences.set({ videoQuality: event.target.value as VideoQuality });
          session.changeDevice('camera');
        }}>
          {QUALITIES.map((quality) => <option key={quality} value={quality}>{t(`settings.quality.${quality}`)}</option>)}
        </select>
      </div>
      <label className="check">
        <input type="checkbox" checked={voiceProcessing} onChange={(event) => {
          preferences.set({ voiceProcessing: event.target.checked });
          session.changeDevice('microphone');
        }} />
        {t('settings.processing')}
      </label>
    </section>
  );
}

function Keys() {
  const t = useT();
  const keys: [string, Key][] = [
    ['M', 'settings.keyMute'], ['V', 'settings.keyCamera'], ['C', 'settings.keyCaptions'],
    [t('key.space'), 'settings.keySpace'], [t('key.esc'), 'settings.keyEsc'],
  ];
  return (
    <section>
      <h3>{t('settings.keys')}</h3>
      <dl className="keys">
        {keys.map(([key, meaning]) => (
          <div key={meaning}><dt><kbd>{key}</kbd></dt><dd>{t(meaning)}</dd></div>
        ))}
      </dl>
    </section>
  );
}

/** Only for who made the room: the token is in this browser. */
function EndRoom({ session }: { session: CallSession }) {
  const t = useT();
  const code = useStore(session.store, (state) => state.room?.code ?? null);
  const [sure, setSure] = useState(false);
  const token = code && recallOwnerToken(code);
  if (!code || !token) return null;
  const end = async () => {
    if (!sure) return setSure(true);
    try {
      await rest.deleteRoom(code, token);
      forgetOwnerToken(code);
    } catch (error) {
      const failure = Failure.of(error);
      session.notify('bad', `failure.${failure.code}`, { message: failure.message });
    }
  };
  return (
    <section>
      <button className="button danger wide" onClick={() => void end()}>
        {t(sure ? 'settings.endRoomSure' : 'settings.endRoom')}
      </button>
    </section>
  );
}
