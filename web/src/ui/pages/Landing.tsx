// SPDX-License-Identifier: Apache-2.0
import { useId, useState, type FormEvent } from 'react';
import { useFailureText, useT } from '../../i18n';
import { Failure } from '../../protocol/failure';
import { rest } from '../../protocol/rest';
import { parseRoomCode, roomPath } from '../../protocol/room-code';
import { rememberOwnerToken } from '../../state/memory';
import { preferences } from '../../state/preferences';
import { useStore } from '../../state/store';
import { Brand, InterfaceLanguage, Message } from '../parts/small';
import { navigate } from '../route';

export function Landing() {
  const t = useT();
  const name = useStore(preferences, (state) => state.name);
  return (
    <div className="page start">
      <header className="start-head">
        <Brand />
        <InterfaceLanguage />
      </header>
      <main className="start-main">
        <section className="pitch">
          <h1>{t('landing.title')}</h1>
          <p className="lead">{t('landing.lead')}</p>
          <Demo />
        </section>
        <section className="card start-card">
          <div className="field">
            <label htmlFor="name">{t('landing.name')}</label>
            <input id="name" value={name} maxLength={60} autoComplete="name" placeholder={t('landing.namePlaceholder')}
              onChange={(event) => preferences.set({ name: event.target.value })} />
          </div>
          <Create />
          <div className="divider"><span>{t('landing.or')}</span></div>
          <Join />
        </section>
      </main>
    </div>
  );
}

function Create() {
  const t = useT();
  const failureText = useFailureText();
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [roomName, setRoomName] = useState('');
  const [passcode, setPasscode] = useState('');
  const create = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setFailure(null);
    try {
      const room = await rest.createRoom({
        ...(roomName.trim() ? { name: roomName.trim() } : {}),
        ...(passcode ? { passcode } : {}),
      });
      rememberOwnerToken(room.code, room.ownerToken);
      navigate(roomPath(room.code));
    } catch (error) {
      setFailure(Failure.of(error));
      setBusy(false);
    }
  };
  return (
    <form onSubmit={(event) => void create(event)}>
      <button className="button primary wide" disabled={busy}>
        {t(busy ? 'landing.creating' : 'landing.create')}
      </button>
      <details className="options">
        <summary>{t('landing.options')}</summary>
        <div className="field">
          <label htmlFor="room-name">{t('landing.roomName')}</label>
          <input id="room-name" value={roomName} maxLength={80} onChange={(event) => setRoomName(event.target.value)} />
        </div>
        <div className="field">
          <label htmlFor="room-passcode">{t('landing.passcode')}</label>
          <input id="room-passcode" type="password" value={passcode} maxLength={64} autoComplete="off"
            onChange={(event) => setPasscode(event.target.value)} />
        </div>
      </details>
      {failure && <Message tone="bad">{failureText(failure)}</Message>}
    </form>
  );
}

function Join() {
  const t = useT();
  const [typed, setTyped] = useState('');
  const [wrong, setWrong] = useState(false);
  const errorId = useId();
  const join = (event: FormEvent) => {
    event.preventDefault();
    const code = parseRoomCode(typed);
    setWrong(code === null);
    if (code) navigate(roomPath(code));
  };
  return (
    <form className="join-form" onSubmit={join} noValidate>
      <div className="field">
        <label htmlFor="code">{t('landing.code')}</label>
        <div className="joined-row">
          <input id="code" value={typed} placeholder={t('landing.codePlaceholder')} autoComplete="off" spellCheck={false}
            autoCapitalize="none" aria-invalid={wrong} aria-describedby={errorId}
            onChange={(event) => { setTyped(event.target.value); setWrong(false); }} />
          <button className="button">{t('landing.join')}</button>
        </div>
        <p className="note bad" id={errorId} aria-live="polite">{wrong && t('landing.badCode')}</p>
      </div>
    </form>
  );
}

/** What a call looks like, in two lines. */
function Demo() {
  const t = useT();
  return (
    <div className="demo" aria-hidden="true">
      <div className="demo-line">
        <span className="badge">VI</span>
        <div>
          <p lang="vi">Chào chị, cuối tuần này chị có rảnh không?</p>
          <small>{t('landing.demoYou')}</small>
        </div>
      </div>
      <div className="demo-line translated">
        <span className="badge">EN</span>
        <div>
          <p lang="en">Hi, are you free this weekend?</p>
          <small>{t('landing.demoThem')}</small>
        </div>
        <span className="bars"><i /><i /><i /><i /></span>
      </div>
    </div>
  );
}
