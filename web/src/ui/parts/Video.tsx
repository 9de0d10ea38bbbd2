// SPDX-License-Identifier: Apache-2.0
import { useEffect, useRef } from 'react';
import type { Viewing } from '../../call/viewing';

interface Props {
  track: MediaStreamTrack;
  mirrored?: boolean;
  label: string;
  /** Of somebody else's picture: who wants to know how large it is shown. */
  shown?: { viewing: Viewing; producerId: string } | undefined;
}

/** More pixels than this per CSS pixel nobody tells apart in a moving picture. */
const MAX_PIXEL_RATIO = 2;

/** Reports where the picture is shown: its size when that changes, null while it is out of sight. */
function useShown(element: React.RefObject<HTMLVideoElement | null>, shown: Props['shown']): void {
  const viewing = shown?.viewing, producerId = shown?.producerId;
  useEffect(() => {
    const video = element.current;
    if (!video || !viewing || producerId === undefined) return;
    let inSight: boolean | null = null;
    const report = () => {
      // Before the first look the place is not known, which is not the same as out of sight.
      if (inSight === null) return;
      const { clientWidth, clientHeight } = video;
      const ratio = Math.min(window.devicePixelRatio || 1, MAX_PIXEL_RATIO);
      const size = inSight && clientWidth > 0 ? { width: clientWidth * ratio, height: clientHeight * ratio } : null;
      viewing.show(producerId, video, size);
    };
    const sight = new IntersectionObserver((entries) => {
      inSight = entries.at(-1)?.isIntersecting ?? false;
      report();
    });
    const size = new ResizeObserver(report);
    sight.observe(video);
    size.observe(video);
    return () => {
      sight.disconnect();
      size.disconnect();
      viewing.show(producerId, video, null);
    };
  }, [element, viewing, producerId]);
}

/** Plays one video track. Sound never goes through here: see call/mixer.ts. */
export function Video({ track, mirrored = false, label, shown }: Props) {
  const element = useRef<HTMLVideoElement>(null);
  useShown(element, shown);
  useEffect(() => {
    const video = element.current;
    if (!video) return;
    // The same stream with another track in it: the last picture stays until the next one is there.
    const stream = video.srcObject instanceof MediaStream ? video.srcObject : new MediaStream();
    for (const before of stream.getTracks()) if (before !== track) stream.removeTrack(before);
    stream.addTrack(track);
    if (video.srcObject !== stream) video.srcObject = stream;
    void video.play().catch(() => undefined);
  }, [track]);
  useEffect(() => {
    const video = element.current;
    return () => {
      if (video) video.srcObject = null;
    };
  }, []);
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
