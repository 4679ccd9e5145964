import {
  ERROR,
  FLAG,
  FRAME,
  frameOf,
  INITIAL_WINDOW_BYTES,
  MAX_FRAME_BYTES,
  MAX_WINDOW_BYTES,
  read32,
  write32,
} from "./http2-frames.ts";

/** Settings (RFC 9113 section 6.5.2, and RFC 9218 section 2.1 for the last). */
const SETTING = {
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
  noRfc7540Priorities: 9,
} as const;

const LARGEST_FRAME_BYTES = 2 ** 24 - 1;

/** What of the peer's settings matters to a server that pushes nothing, has no dynamic table and makes no frame larger than everyone takes. */
export interface PeerSettings {
  initialWindowBytes: number;
}

/** Settings of a peer that has sent none. */
export function defaultSettings(): PeerSettings {
  return { initialWindowBytes: INITIAL_WINDOW_BYTES };
}

/** Takes over the entries of a SETTINGS payload, in order; the connection error that one of them is, or undefined. */
export function applySettings(settings: PeerSettings, payload: Uint8Array): number | undefined {
  for (let at = 0; at + 6 <= payload.length; at += 6) {
    const id = ((payload[at] as number) << 8) | (payload[at + 1] as number);
    const value = read32(payload, at + 2);
    switch (id) {
      case SETTING.enablePush:
        if (value > 1) return ERROR.protocol;
        break;
      case SETTING.initialWindowSize:
        if (value > MAX_WINDOW_BYTES) return ERROR.flowControl;
        settings.initialWindowBytes = value;
        break;
      case SETTING.maxFrameSize:
        if (value < MAX_FRAME_BYTES || value > LARGEST_FRAME_BYTES) return ERROR.protocol;
        break;
    }
  }
  return undefined;
}

/** What a server announces. */
export interface ServerSettings {
  maxStreams: number;
  maxHeaderBytes: number;
  /** Of a stream's content; undefined for the default of 65,535. */
  windowBytes: number | undefined;
}

/** A server's first frame. What it does not name has its default value, as the dynamic table of 4096 bytes. */
export function serverSettings({ maxStreams, maxHeaderBytes, windowBytes }: ServerSettings): Uint8Array {
  const entries: [id: number, value: number][] = [
    [SETTING.maxConcurrentStreams, maxStreams],
    [SETTING.maxHeaderListSize, maxHeaderBytes],
    [SETTING.noRfc7540Priorities, 1],
  ];
  if (windowBytes !== undefined) entries.push([SETTING.initialWindowSize, windowBytes]);
  const payload = new Uint8Array(entries.length * 6);
  for (const [i, [id, value]] of entries.entries()) {
    payload[i * 6 + 1] = id;
    write32(value, payload, i * 6 + 2);
  }
  return frameOf(FRAME.settings, 0, 0, payload);
}

/** The answer to a peer's SETTINGS. */
export const SETTINGS_ACK = frameOf(FRAME.settings, FLAG.ack, 0, new Uint8Array(0));
