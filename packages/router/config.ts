import {
  byteSizeSchema,
  defineOptions,
  durationSchema,
  listenHostSchema,
  logLevelOption,
  option,
  pathSchema,
  portSchema,
  switchSchema,
  urlSchema,
  type ValuesOf,
} from "@neson/kit/config";
import { z } from "zod";

/** Terminals turn away what has expired, so no ticket may be born so; and they are given the keys of two days. */
const ticketLifeSchema = durationSchema
  .refine((ms) => ms >= 1000 && ms <= 86_400_000)
  .describe('a duration from "1s" to "24h", such as "5m"');

/** Every setting of a Router: flag, environment name, default and meaning in one place. */
export const routerOptions = defineOptions({
  dataDir: option({
    schema: pathSchema,
    flag: "--data",
    env: "NESON_ROUTER_DATA",
    doc: "directory of keys, database and shield store",
    default: ".neson/router",
  }),
  listenHost: option({
    schema: listenHostSchema,
    flag: "--listen-host",
    env: "NESON_ROUTER_LISTEN_HOST",
    doc: "address that viewers reach",
    default: "127.0.0.1",
  }),
  listenPort: option({
    schema: portSchema,
    flag: "--listen-port",
    env: "NESON_ROUTER_LISTEN_PORT",
    doc: "port that viewers reach",
    default: "8080",
  }),
  controlHost: option({
    schema: listenHostSchema,
    flag: "--control-host",
    env: "NESON_ROUTER_CONTROL_HOST",
    doc: "address that Terminals and the operator reach",
    default: "127.0.0.1",
  }),
  controlPort: option({
    schema: portSchema,
    flag: "--control-port",
    env: "NESON_ROUTER_CONTROL_PORT",
    doc: "port that Terminals and the operator reach",
    default: "8081",
  }),
  controlUrl: option({
    schema: urlSchema.optional(),
    flag: "--control-url",
    env: "NESON_ROUTER_CONTROL_URL",
    doc: "public URL of the control listener, when a proxy or another name stands before it",
  }),
  edgeScheme: option({
    schema: z.enum(["http", "https"]).describe("http or https"),
    flag: "--edge-scheme",
    env: "NESON_ROUTER_EDGE_SCHEME",
    doc: "scheme of the URLs that Terminals send viewers back to",
    default: "http",
  }),
  sitesFile: option({
    schema: pathSchema.optional(),
    flag: "--sites",
    env: "NESON_ROUTER_SITES",
    doc: 'JSON file {"sites": […]} read at start; its sites replace stored ones of the same name',
  }),
  shieldBytes: option({
    schema: byteSizeSchema,
    flag: "--shield-size",
    env: "NESON_ROUTER_SHIELD_SIZE",
    doc: "disk space for objects pulled from origins",
    default: "20GiB",
  }),
  memoryBytes: option({
    schema: byteSizeSchema,
    flag: "--memory",
    env: "NESON_ROUTER_MEMORY",
    doc: "memory for small objects that the Router answers itself",
    default: "256MiB",
  }),
  maxObjectBytes: option({
    schema: byteSizeSchema,
    flag: "--max-object",
    env: "NESON_ROUTER_MAX_OBJECT",
    doc: "largest object that is stored; larger ones are passed through",
    default: "10GiB",
  }),
  ticketMs: option({
    schema: ticketLifeSchema,
    flag: "--ticket-life",
    env: "NESON_ROUTER_TICKET_LIFE",
    doc: "how long a ticket lets a viewer start transfers",
    default: "5m",
  }),
  terminalCapacityBytes: option({
    schema: byteSizeSchema,
    flag: "--terminal-capacity",
    env: "NESON_ROUTER_TERMINAL_CAPACITY",
    doc: "bytes a second a Terminal is taken to be able to send, until it is measured",
    default: "125MB",
  }),
  maxTerminals: option({
    schema: z.coerce.number().int().min(1).max(1_000_000).describe("a whole number from 1 to 1000000"),
    flag: "--max-terminals",
    env: "NESON_ROUTER_MAX_TERMINALS",
    doc: "Terminals that may be connected at once",
    default: 10_000,
  }),
  allowPrivateTerminals: option({
    schema: switchSchema,
    flag: "--allow-private-terminals",
    env: "NESON_ROUTER_ALLOW_PRIVATE_TERMINALS",
    doc: "let Terminals join at loopback and private addresses (a network on one machine)",
    default: false,
    isSwitch: true,
  }),
  releasesDir: option({
    schema: pathSchema.optional(),
    flag: "--releases",
    env: "NESON_ROUTER_RELEASES",
    doc: 'directory made by "npm run build": its programs are announced to Terminals and given to those who install one',
  }),
  logLevel: logLevelOption,
});

/** A Router's settings, parsed. */
export type RouterConfig = ValuesOf<typeof routerOptions>;
