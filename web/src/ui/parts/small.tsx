// SPDX-License-Identifier: Apache-2.0
// Small pieces that several pages use.
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { meterPosition } from '../../call/meter';
import { useT } from '../../i18n';
import { roomLink } from '../../protocol/room-code';
import { preferences, type UiLanguage } from '../../state/preferences';
import { useStore } from '../../state/store';
import { Icon, Logo, type IconName } from './Icon';

export function Brand() {
  return (
    <a className="brand" href="/">
      <Logo />
      <span>JB Calling</span>
    </a>
  );
}

const UI_NAMES: Record<UiLanguage, string> = { en: 'English', vi: 'Tiếng Việt' };

export function InterfaceLanguage() {
  const t = useT();
  const ui = useStore(preferences, (state) => state.ui);
  return (
    <label className="interface-language">
      <Icon name="globe" size={18} />
      <span className="sr-only">{t('app.interface')}</span>
      <select value={ui} onChange={(event) => preferences.set({ ui: event.target.value as UiLanguage })}>
        {Object.entries(UI_NAMES).map(([code, name]) => (
          <option key={code} value={code} lang={code}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

export function CopyLink({ code, className = 'button quiet' }: { code: string; className?: string }) {
  const t = useT();
  const [copied, setCopied] = useState(false);
  const link = roomLink(code);
  const share = 'share' in navigator && window.matchMedia('(pointer: coarse)').matches;
  useEffect(() => {
    if (!copied) return;
    const timer = window.setTimeout(() => setCopied(false), 2500);
    return () => window.clearTimeout(timer);
  }, [copied]);
  const act = async () => {
    if (share) return void navigator.share({ url: link }).catch(() => undefined);
    setCopied(await copyText(link));
  };
  const label = copied ? t('common.copied') : t(share ? 'common.share' : 'common.copy');
  return (
    <button type="button" className={className} onClick={() => void act()} title={link}>
      <Icon name={copied ? 'check' : 'link'} size={18} />
      <span aria-live="polite">{label}</span>
    </button>
  );
}

/** The clipboard API exists on secure pages only; the old way works on the others. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const box = document.createElement('textarea');
    box.value = text;
    document.body.append(box);
    box.select();
    const done = document.execCommand('copy');
    box.remove();
    return done;
  }
}

export function LevelMeter({ level, label }: { level: number; label: string }) {
  const bar = useRef<HTMLDivElement>(null);
  const position = meterPosition(level);
  useEffect(() => bar.current?.style.setProperty('--level', position.toFixed(3)), [position]);
  return (
    <div className="meter" ref={bar} role="meter" aria-label={label} aria-valuemin={0} aria-valuemax={100}
      aria-valuenow={Math.round(position * 100)}>
      <div className="meter-fill" />
    </div>
  );
}

export function Message({ tone, icon = 'alert', children }: { tone: 'bad' | 'info'; icon?: IconName; children: ReactNode }) {
  return (
    <div className={`message ${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
      <Icon name={icon} size={20} />
      <div>{children}</div>
    </div>
  );
}

export function Waiting({ label }: { label: string }) {
  return (
    <div className="waiting" role="status">
      <span className="waiting-dot" />
      {label}
    </div>
  );
}
