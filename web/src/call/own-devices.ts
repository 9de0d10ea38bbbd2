// SPDX-License-Identifier: Apache-2.0
// What this participant may send: microphone, camera and screen, each with its runner (local-source.ts), and what the
// person is told when one cannot be had. The connection they are sent over comes and goes; they outlive it.
import { Failure } from '../protocol/failure';
import type { SentSource } from '../protocol/types';
import type { CallStore, NoticeTone } from '../state/call-state';
import { preferences } from '../state/preferences';
import { openCamera, openMicrophone, openScreen } from './devices';
import { SPEAKING_RMS } from './envelope';
import { LocalSource, type Owner, type Target, type Tracks } from './local-source';
import { Meter } from './meter';

/** The call around them. */
export interface DeviceHost<T extends Target> {
  store: CallStore;
  /** What can be sent over just now. */
  target: () => T | null;
  publish: (target: T, source: SentSource, track: MediaStreamTrack) => Promise<void>;
  heard: () => boolean;
  complain: (error: unknown) => void;
  notify: (tone: NoticeTone, key: string) => void;
}

export class OwnDevices<T extends Target> {
  readonly microphone: LocalSource<T>;
  readonly camera: LocalSource<T>;
  readonly screen: LocalSource<T>;
  private meter: Meter | null = null;

  constructor(private readonly host: DeviceHost<T>) {
    this.microphone = new LocalSource(['mic'], this.microphoneOwner());
    this.camera = new LocalSource(['camera'], this.cameraOwner());
    this.screen = new LocalSource(['screen', 'screenAudio'], this.screenOwner());
  }

  /** Takes over the tracks of the lobby. */
  adopt(tracks: { microphone: MediaStreamTrack | null; camera: MediaStreamTrack | null }): void {
    if (tracks.microphone) this.microphone.adopt(single('mic', tracks.microphone));
    if (tracks.camera) this.camera.adopt(single('camera', tracks.camera));
  }

  /** Something of all this is sent, or is about to be. */
  get wanted(): boolean {
    return this.all().some(({ wanted }) => wanted);
  }

  /** There is another connection. */
  settle(): void {
    for (const source of this.all()) source.settle();
  }

  close(): void {
    for (const source of this.all()) source.close();
    this.meter?.close();
  }

  setCamera(on: boolean): void {
    preferences.set({ cameraOn: on });
    this.camera.want(on);
    this.onCamera();
  }

  private all(): LocalSource<T>[] {
    return [this.microphone, this.camera, this.screen];
  }

  private owner(more: Pick<Owner<T>, 'open' | 'changed' | 'openFailed' | 'publishFailed' | 'lost'>): Owner<T> {
    return { target: this.host.target, publish: this.host.publish, ...more };
  }

  private microphoneOwner(): Owner<T> {
    const { store, complain, notify } = this.host;
    const muted = () => store.set({ microphoneOn: false, pushToTalk: false });
    return this.owner({
      open: async () => single('mic', await openMicrophone(preferences.get())),
      changed: () => this.onMicrophone(),
      openFailed: (error) => {
        if (!this.microphone.wanted) muted();
        complain(error);
      },
      publishFailed: (_, error) => {
        if (Failure.of(error).code === 'not_connected') return;
        muted();
        complain(error);
      },
      lost: () => {
        muted();
        notify('bad', 'notice.microphoneGone');
      },
    });
  }

  private cameraOwner(): Owner<T> {
    const { complain, notify } = this.host;
    const off = (error: unknown) => {
      if (Failure.of(error).code === 'not_connected') return;
      this.setCamera(false);
      complain(error);
    };
    return this.owner({
      open: async () => single('camera', await openCamera(preferences.get())),
      changed: () => this.onCamera(),
      openFailed: (error) => (this.camera.wanted ? complain(error) : off(error)),
      publishFailed: (_, error) => off(error),
      lost: () => {
        this.setCamera(false);
        notify('bad', 'notice.cameraGone');
      },
    });
  }

  private screenOwner(): Owner<T> {
    const { store, complain } = this.host;
    return this.owner({
      open: async () => {
        const screen = await openScreen();
        return screen && new Map<SentSource, MediaStreamTrack>([
          ['screen', screen.video], ...(screen.audio ? ([['screenAudio', screen.audio]] as const) : []),
        ]);
      },
      changed: () => store.set({ screen: this.screen.track('screen') }),
      openFailed: complain,
      publishFailed: (source, error) => {
        if (Failure.of(error).code === 'not_connected') return;
        // The picture is shared without its sound; never the other way round.
        if (source === 'screen') this.screen.want(false);
        complain(error);
      },
      lost: () => undefined,
    });
  }

  private onCamera(): void {
    this.host.store.set({ camera: this.camera.track('camera'), cameraWanted: this.camera.wanted });
  }

  private onMicrophone(): void {
    const { store, heard } = this.host;
    this.meter?.close();
    this.meter = null;
    const track = this.microphone.track('mic');
    store.set({ hasMicrophone: track !== null });
    if (!track) return;
    let loudTicks = 0;
    this.meter = new Meter(track, (level) => {
      const { speakingWhileMuted } = store.get();
      const muted = !heard();
      loudTicks = muted && level > 4 * SPEAKING_RMS ? Math.min(loudTicks + 1, 12) : Math.max(loudTicks - 1, 0);
      const speaking = muted && (speakingWhileMuted ? loudTicks > 0 : loudTicks >= 6);
      if (speaking !== speakingWhileMuted) store.set({ speakingWhileMuted: speaking });
    }, 120);
  }
}

const single = (source: SentSource, track: MediaStreamTrack): Tracks => new Map([[source, track]]);
