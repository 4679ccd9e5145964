import {
  byteSizeSchema,
  defineOptions,
  listenHostSchema,
  logLevelOption,
  type OptionSources,
  option,
  pathSchema,
  portSchema,
  readOptions,
  switchSchema,
  urlListSchema,
  type ValuesOf,
} from "@neson/kit/config";
import { z } from "zod";

const endpointSchema = z
  .string()
  .max(300)
  .refine(isOrigin)
  .describe(
    'an http or https URL of host and port alone, such as "https://t1.example.net" or "http://198.51.100.7:8080"',
  );

/** Every setting of a Terminal: flag, environment name, default and meaning in one place. */
export const terminalOptions = defineOptions({
  dataDir: option({
    schema: pathSchema,
    flag: "--data",
    env: "NESON_TERMINAL_DATA",
    doc: "directory of key, index and objects",
    default: ".neson/terminal",
  }),
  listenHost: option({
    schema: listenHostSchema,
    flag: "--listen-host",
    env: "NESON_TERMINAL_LISTEN_HOST",
    doc: "address to serve on",
    default: "127.0.0.1",
  }),
  listenPort: option({
    schema: portSchema,
    flag: "--listen-port",
    env: "NESON_TERMINAL_LISTEN_PORT",
    doc: "port to serve on; 0 takes a free one",
    default: "8090",
  }),
  endpoint: option({
    schema: endpointSchema.optional(),
    flag: "--endpoint",
    env: "NESON_TERMINAL_ENDPOINT",
    doc: "public URL that viewers reach this Terminal at; without it, http and the listening address",
  }),
  routerUrls: option({
    schema: urlListSchema,
    flag: "--router",
    env: "NESON_TERMINAL_ROUTER",
    doc: "URL of the Router's control listener; of several Routers of one network, each by a flag of its own or with commas between them",
    default: "http://127.0.0.1:8081",
    isList: true,
  }),
  routerKey: option({
    schema: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .describe("64 lower-case hex digits")
      .optional(),
    flag: "--router-key",
    env: "NESON_TERMINAL_ROUTER_KEY",
    doc: "the only Router key to believe; without it, that of the first Router met",
  }),
  quotaBytes: option({
    schema: byteSizeSchema,
    flag: "--quota",
    env: "NESON_TERMINAL_QUOTA",
    doc: "disk space for objects",
    default: "10GiB",
  }),
  memoryBytes: option({
    schema: byteSizeSchema,
    flag: "--memory",
    env: "NESON_TERMINAL_MEMORY",
    doc: "memory for objects that are asked for often",
    default: "256MiB",
  }),
  checkBytesPerSecond: option({
    schema: byteSizeSchema.refine((bytes) => bytes > 0).describe('a size above 0, such as "256MiB"'),
    flag: "--check-rate",
    env: "NESON_TERMINAL_CHECK_RATE",
    doc: "how many bytes a second to read when stored objects are checked after a start",
    default: "256MiB",
  }),
  scrubBytesPerSecond: option({
    schema: byteSizeSchema.refine((bytes) => bytes > 0).describe('a size above 0, such as "4MiB"'),
    flag: "--scrub-rate",
    env: "NESON_TERMINAL_SCRUB_RATE",
    doc: "how many bytes a second to reread, for ever, in search of bytes that the disk has altered",
    default: "4MiB",
  }),
  tlsCertFile: option({
    schema: pathSchema.optional(),
    flag: "--tls-cert",
    env: "NESON_TERMINAL_TLS_CERT",
    doc: "PEM file of the certificate chain; with it and --tls-key, HTTPS with HTTP/1.1 and HTTP/2; reread when it changes",
  }),
  tlsKeyFile: option({
    schema: pathSchema.optional(),
    flag: "--tls-key",
    env: "NESON_TERMINAL_TLS_KEY",
    doc: "PEM file of the certificate's private key",
  }),
  http3: option({
    schema: switchSchema,
    flag: "--http3",
    env: "NESON_TERMINAL_HTTP3",
    doc: "serve HTTP/3 on the UDP port of the same number; needs --tls-cert",
    default: false,
    isSwitch: true,
  }),
  panelPort: option({
    schema: portSchema,
    flag: "--panel-port",
    env: "NESON_TERMINAL_PANEL_PORT",
    doc: "port of the panel and the metrics on 127.0.0.1; 0 takes a free one",
    default: "8092",
  }),
  maxConnections: option({
    schema: z.coerce.number().int().min(1).max(1_000_000).describe("a whole number from 1 to 1000000"),
    flag: "--max-connections",
    env: "NESON_TERMINAL_MAX_CONNECTIONS",
    doc: "connections open at once",
    default: 10_000,
  }),
  maxConnectionsPerAddress: option({
    schema: z.coerce.number().int().min(1).max(1_000_000).describe("a whole number from 1 to 1000000"),
    flag: "--max-connections-per-address",
    env: "NESON_TERMINAL_MAX_CONNECTIONS_PER_ADDRESS",
    doc: "connections open at once from one IPv4 address or IPv6 /64",
    default: 256,
  }),
  maxRequestsPerSecond: option({
    schema: z.coerce.number().int().min(1).max(10_000_000).describe("a whole number from 1 to 10000000"),
    flag: "--max-requests-per-second",
    env: "NESON_TERMINAL_MAX_REQUESTS_PER_SECOND",
    doc: "requests a second, on average, from one IPv4 address or IPv6 /64; more are answered 429",
    default: 1000,
  }),
  freeRepeats: option({
    schema: z.coerce.number().int().min(1).max(1_000_000_000).describe("a whole number from 1 to 1000000000"),
    flag: "--free-repeats",
    env: "NESON_TERMINAL_FREE_REPEATS",
    doc: "how often one client may ask for the same bytes on one ticket before it is slowed down to once a second",
    default: 16,
  }),
  isSmall: option({
    schema: switchSchema,
    flag: "--small",
    env: "NESON_TERMINAL_SMALL",
    doc: "for boards with little memory and a slow disk: less of everything that no other flag sets",
    default: false,
    isSwitch: true,
  }),
  logLevel: logLevelOption,
});

/** Raw defaults, as they would be typed, of a board with little memory and a slow disk; 512 MB are enough for all of it. */
const SMALL_DEFAULTS = {
  memoryBytes: "32MiB",
  checkBytesPerSecond: "32MiB",
  scrubBytesPerSecond: "1MiB",
  maxConnections: 512,
  maxConnectionsPerAddress: 64,
} as const;

/**
 * Reads every setting; with `--small`, what is not set is small.
 *
 * @throws NesonError `bad-option` (operator)
 */
export function readTerminalOptions(sources: OptionSources): ValuesOf<typeof terminalOptions> {
  const { isSmall } = terminalOptions;
  if (!readOptions({ isSmall }, sources).isSmall) return readOptions(terminalOptions, sources);
  const spec = { ...terminalOptions };
  for (const name of Object.keys(SMALL_DEFAULTS) as (keyof typeof SMALL_DEFAULTS)[]) {
    Object.assign(spec, { [name]: { ...spec[name], default: SMALL_DEFAULTS[name] } });
  }
  return readOptions(spec, sources);
}

/** What a Terminal is started with. */
export type TerminalConfig = Omit<ValuesOf<typeof terminalOptions>, "logLevel">;

function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.protocol === "http:" || url.protocol === "https:") && url.origin === text;
}
