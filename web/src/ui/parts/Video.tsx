// SPDX-License-Identifier: Apache-2.0
import { useEffect, useRef } from 'react';

interface Props {
  track: MediaStreamTrack;
  mirrored?: boolean;
  label: string;
}

/** Plays one video track. Sound never goes through here: see call/mixer.ts. */
export function Video({ track, mirrored = false, label }: Props) {
  const element = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const video = element.current;
    if (!video) return;
    video.srcObject = new MediaStream([track]);
    void video.play().catch(() => undefined);
    return () => {
      video.srcObject = null;
    };
  }, [track]);
  return (
    <video ref={element} className={mirrored ? 'mirrored' : undefined} autoPlay playsInline muted aria-label={label} />
  );
}

/** Initials on a colour of the person's own, where there is no picture. */
export function Avatar({ name }: { name: string }) {
  const words = name.trim().split(/\s+/);
  const initials = [words[0], words.length > 1 ? words[words.length - 1] : undefined]
    .map((word) => [...(word ?? '')][0] ?? '')
    .join('')
    .toUpperCase();
  const hue = [...name].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 360, 7);
  const mark = useRef<HTMLDivElement>(null);
  useEffect(() => mark.current?.style.setProperty('--hue', String(hue)), [hue]);
  return (
    <div className="avatar" ref={mark} aria-hidden="true">
      <span>{initials || '·'}</span>
    </div>
  );
}
