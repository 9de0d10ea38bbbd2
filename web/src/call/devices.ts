// SPDX-License-Identifier: Apache-2.0
// Microphones, cameras, screens, and the reasons why one cannot be had.
import { Failure } from '../protocol/failure';
import type { Preferences, VideoQuality } from '../state/preferences';

export interface Devices {
  microphones: MediaDeviceInfo[];
  cameras: MediaDeviceInfo[];
  speakers: MediaDeviceInfo[];
}

const VIDEO: Record<VideoQuality, { width: number; height: number; frameRate: number; maxBitrate: number }> = {
  low: { width: 320, height: 180, frameRate: 15, maxBitrate: 200_000 },
  standard: { width: 640, height: 360, frameRate: 25, maxBitrate: 700_000 },
  high: { width: 1280, height: 720, frameRate: 30, maxBitrate: 1_500_000 },
};

export const cameraBitrate = (quality: VideoQuality) => VIDEO[quality].maxBitrate;
export const SCREEN_BITRATE = 2_500_000;

function mediaDevices(): MediaDevices {
  // Browsers hide devices from pages that did not come over https or from this machine itself.
  if (!window.isSecureContext) throw new Failure('insecure_context', 'Not a secure context.');
  if (!navigator.mediaDevices) throw new Failure('unsupported_browser', 'No mediaDevices.');
  return navigator.mediaDevices;
}

function deviceFailure(error: unknown, what: 'microphone' | 'camera' | 'screen'): Failure {
  if (error instanceof Failure) return error;
  const name = error instanceof DOMException || error instanceof Error ? error.name : '';
  if (name === 'NotAllowedError' || name === 'SecurityError') return new Failure(`${what}_refused`, name);
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return new Failure(`${what}_missing`, name);
  if (name === 'NotReadableError' || name === 'AbortError') return new Failure(`${what}_busy`, name);
  return new Failure(`${what}_failed`, name || String(error));
}

/** Tries the remembered device; when it is gone, any. */
async function open(
  what: 'microphone' | 'camera',
  deviceId: string | null,
  constraints: (id: ConstrainDOMString | undefined) => MediaStreamConstraints,
): Promise<MediaStreamTrack> {
  try {
    const devices = mediaDevices();
    let stream: MediaStream;
    try {
      stream = await devices.getUserMedia(constraints(deviceId ? { exact: deviceId } : undefined));
    } catch (error) {
      if (!deviceId || !(error instanceof Error) || error.name !== 'OverconstrainedError') throw error;
      stream = await devices.getUserMedia(constraints(undefined));
    }
    const track = stream.getTracks()[0];
    if (!track) throw new Failure(`${what}_missing`, 'No track.');
    return track;
  } catch (error) {
    throw deviceFailure(error, what);
  }
}

export function openMicrophone(wanted: Pick<Preferences, 'microphoneId' | 'voiceProcessing'>): Promise<MediaStreamTrack> {
  return open('microphone', wanted.microphoneId, (id) => ({
    audio: {
      ...(id ? { deviceId: id } : {}),
      echoCancellation: wanted.voiceProcessing,
      noiseSuppression: wanted.voiceProcessing,
      autoGainControl: wanted.voiceProcessing,
      channelCount: 1,
    },
  }));
}

export async function openCamera(wanted: Pick<Preferences, 'cameraId' | 'videoQuality'>): Promise<MediaStreamTrack> {
  const { width, height, frameRate } = VIDEO[wanted.videoQuality];
  const track = await open('camera', wanted.cameraId, (id) => ({
    video: {
      ...(id ? { deviceId: id } : { facingMode: 'user' }),
      width: { ideal: width },
      height: { ideal: height },
      frameRate: { ideal: frameRate, max: frameRate },
    },
  }));
  track.contentHint = 'motion';
  return track;
}

export interface Screen {
  video: MediaStreamTrack;
  audio: MediaStreamTrack | null;
}

/** Null when the person changed their mind. */
export async function openScreen(): Promise<Screen | null> {
  try {
    const stream = await mediaDevices().getDisplayMedia({
      video: { frameRate: { ideal: 10, max: 15 } },
      audio: true,
    });
    const video = stream.getVideoTracks()[0];
    if (!video) return null;
    video.contentHint = 'detail';
    return { video, audio: stream.getAudioTracks()[0] ?? null };
  } catch (error) {
    const failure = deviceFailure(error, 'screen');
    // A changed mind needs no words; a system that forbids it does.
    if (failure.code === 'screen_refused' && !/system/i.test(String(error))) return null;
    throw failure;
  }
}

export function canShareScreen(): boolean {
  return Boolean(navigator.mediaDevices && 'getDisplayMedia' in navigator.mediaDevices);
}

export async function listDevices(): Promise<Devices> {
  const all = (await navigator.mediaDevices?.enumerateDevices?.().catch(() => [])) ?? [];
  const of = (kind: MediaDeviceKind) => all.filter((device) => device.kind === kind && device.deviceId !== '');
  return { microphones: of('audioinput'), cameras: of('videoinput'), speakers: of('audiooutput') };
}
