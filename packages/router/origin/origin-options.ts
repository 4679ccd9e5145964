import type { Site } from "../sites/site.ts";

/** Bounds of one origin request in time, in milliseconds. */
export interface PhaseLimits {
  connectMs: number;
  /** From the end of the request to the response's header section. */
  firstByteMs: number;
  /** Longest silence within a body, in either direction. */
  idleMs: number;
}

/** Bounds of origin requests. */
export interface OriginOptions extends PhaseLimits {
  maxHeaderBytes: number;
  /** Connections to one origin. */
  maxConnections: number;
}

/** What suits an ordinary website. */
export const DEFAULT_ORIGIN_OPTIONS: OriginOptions = Object.freeze({
  connectMs: 10_000,
  firstByteMs: 30_000,
  idleMs: 30_000,
  maxHeaderBytes: 65_536,
  maxConnections: 256,
});

/** The bounds for one site. */
export function optionsFor({ origins }: Site, options: OriginOptions): OriginOptions {
  const { connectSeconds, firstByteSeconds, idleSeconds, maxConnections } = origins;
  const ms = (seconds: number | undefined, otherwiseMs: number) =>
    seconds === undefined ? otherwiseMs : seconds * 1000;
  return {
    connectMs: ms(connectSeconds, options.connectMs),
    firstByteMs: ms(firstByteSeconds, options.firstByteMs),
    idleMs: ms(idleSeconds, options.idleMs),
    maxHeaderBytes: options.maxHeaderBytes,
    maxConnections: maxConnections ?? options.maxConnections,
  };
}
