// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from 'react';
import { listDevices, type Devices } from '../../call/devices';
import { useT } from '../../i18n';
import { preferences } from '../../state/preferences';
import { useStore } from '../../state/store';

type Kind = 'microphone' | 'camera' | 'speaker';

interface Props {
  kind: Kind;
  devices: MediaDeviceInfo[];
  onChange?: (id: string | null) => void;
}

/** The devices there are, also after one was plugged in; their names are known once `opened` tracks are there. */
export function useDevices(...opened: unknown[]): Devices {
  const [devices, setDevices] = useState<Devices>({ microphones: [], cameras: [], speakers: [] });
  useEffect(() => {
    const load = () => void listDevices().then(setDevices);
    load();
    navigator.mediaDevices?.addEventListener('devicechange', load);
    return () => navigator.mediaDevices?.removeEventListener('devicechange', load);
  }, opened);
  return devices;
}

/** Chooses a device and remembers it. Empty names (before permission) are numbered. */
export function DeviceSelect({ kind, devices, onChange }: Props) {
  const t = useT();
  const chosen = useStore(preferences, (state) => state[`${kind}Id`]);
  const value = devices.some((device) => device.deviceId === chosen) ? (chosen as string) : '';
  const others = devices.filter((device) => device.deviceId !== 'default');
  const choose = (id: string | null) => {
    if (kind === 'microphone') preferences.set({ microphoneId: id });
    if (kind === 'camera') preferences.set({ cameraId: id });
    if (kind === 'speaker') preferences.set({ speakerId: id });
    onChange?.(id);
  };
  return (
    <div className="field">
      <label htmlFor={`device-${kind}`}>{t(`lobby.${kind}`)}</label>
      <select id={`device-${kind}`} value={value} onChange={(event) => choose(event.target.value || null)}>
        <option value="">{t('lobby.defaultDevice')}</option>
        {others.map((device, index) => (
          <option key={device.deviceId} value={device.deviceId}>
            {device.label || t('lobby.device', { number: index + 1 })}
          </option>
        ))}
      </select>
    </div>
  );
}
