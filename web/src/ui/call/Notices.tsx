// SPDX-License-Identifier: Apache-2.0
// What goes on: the state of connection and services in a banner, passing events in small notices.
import { useEffect, useRef } from 'react';
import type { CallSession } from '../../call/session';
import { dynamicText, useT, useUi, type Key } from '../../i18n';
import type { ServiceName, ServiceState } from '../../protocol/types';
import { linkSentences } from '../../signaling/link';
import { useStore } from '../../state/store';
import { Icon, type IconName } from '../parts/Icon';

/** The worst of the services in words: without recognition nothing else matters, and so on down. */
export function serviceSentence(services: ServiceState | null): Key | null {
  if (!services) return null;
  const order: ServiceName[] = ['stt', 'translation', 'tts'];
  for (const condition of ['down', 'degraded'] as const) {
    const name = order.find((service) => services[service] === condition);
    if (name) return `service.${name}.${condition}`;
  }
  return null;
}

export function Banners({ session }: { session: CallSession }) {
  const ui = useUi();
  const { link, services, mutedSpeaking, pushToTalk } = useStore(session.store, (state) => ({
    link: state.link, services: state.services, mutedSpeaking: state.speakingWhileMuted, pushToTalk: state.pushToTalk,
  }));
  const sentence = serviceSentence(services);
  const before = useRef<Key | null>(null);
  useEffect(() => {
    if (before.current && !sentence) session.notify('good', 'service.back');
    before.current = sentence;
  }, [sentence, session]);

  const lines: { key: string; tone: 'bad' | 'info' }[] = linkSentences(link).map((key) => ({
    key, tone: key === 'call.connecting' ? 'info' : 'bad',
  }));
  if (sentence) lines.push({ key: sentence, tone: sentence.endsWith('down') ? 'bad' : 'info' });
  if (mutedSpeaking) lines.push({ key: 'call.mutedSpeaking', tone: 'info' });
  if (pushToTalk) lines.push({ key: 'call.pushToTalk', tone: 'info' });
  return (
    <div className="banners" role="status" aria-live="polite">
      {lines.map(({ key, tone }) => (
        <div key={key} className={`banner ${tone}`} data-banner={key}>
          {WAITING.has(key) ? <span className="waiting-dot" /> : <Icon name={iconOf(key)} size={18} />}
          {dynamicText(ui, key, { message: key })}
        </div>
      ))}
    </div>
  );
}

const WAITING = new Set(['call.connecting', 'call.reconnecting', 'call.repairing']);

function iconOf(key: string): IconName {
  if (key === 'call.mutedSpeaking') return 'micOff';
  return key === 'call.pushToTalk' ? 'mic' : 'alert';
}

/** For screen readers: reactions, and messages of others as they come. */
export function Announcements({ session }: { session: CallSession }) {
  const t = useT();
  const { reaction, message, participants, selfId, hears } = useStore(session.store, (state) => ({
    reaction: state.reactions.at(-1), message: state.chat.at(-1), participants: state.participants, selfId: state.selfId,
    hears: state.hears,
  }));
  const who = participants.find(({ id }) => id === reaction?.participantId);
  return (
    <div className="sr-only" aria-live="polite">
      {who && reaction && <p>{t('notice.said', { name: who.name, text: reaction.emoji })}</p>}
      {message && message.from !== selfId && (
        <p>{t('notice.said', { name: message.name, text: message.translations[hears] ?? message.text })}</p>
      )}
    </div>
  );
}

export function Notices({ session }: { session: CallSession }) {
  const t = useT();
  const ui = useUi();
  const notices = useStore(session.store, (state) => state.notices);
  return (
    <div className="notices" role="status" aria-live="polite">
      {notices.map((notice) => (
        <div key={notice.id} className={`notice ${notice.tone}`}>
          <span>{dynamicText(ui, notice.key, notice.params)}</span>
          <button className="icon-button" aria-label={t('common.close')} onClick={() => session.dismiss(notice.id)}>
            <Icon name="close" size={16} />
          </button>
        </div>
      ))}
    </div>
  );
}
