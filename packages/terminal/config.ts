import {
  byteSizeSchema,
  defineOptions,
  listenHostSchema,
  logLevelOption,
  option,
  pathSchema,
  portSchema,
  urlSchema,
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
  routerUrl: option({
    schema: urlSchema,
    flag: "--router",
    env: "NESON_TERMINAL_ROUTER",
    doc: "URL of the Router's control listener",
    default: "http://127.0.0.1:8081",
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
  logLevel: logLevelOption,
});

/** What a Terminal is started with. */
export type TerminalConfig = Omit<ValuesOf<typeof terminalOptions>, "logLevel">;

function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.protocol === "http:" || url.protocol === "https:") && url.origin === text;
}
