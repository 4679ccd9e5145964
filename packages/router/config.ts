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
import { natsUrlsSchema } from "./bus/nats-urls.ts";
import { isPostgresUrl } from "./db/place.ts";
import { networkSpan } from "./rules/address-set.ts";
import { parseMoney } from "./spend/cost.ts";

/** Terminals turn away what has expired, so no ticket may be born so; and they are given the keys of two days. */
const ticketLifeSchema = durationSchema
  .refine((ms) => ms >= 1000 && ms <= 86_400_000)
  .describe('a duration from "1s" to "24h", such as "5m"');

const databaseUrlSchema = z
  .string()
  .max(2000)
  .refine((text) => isPostgresUrl(text) && URL.canParse(text))
  .describe('a URL like "postgres://user:password@host:5432/name"');

/** Money in micros. */
const priceSchema = z
  .string()
  .transform(parseMoney)
  .refine((micros) => micros !== undefined)
  .transform((micros) => micros ?? 0)
  .describe('an amount of money such as "0.005"');

/** Networks in a list. */
const networksSchema = z
  .string()
  .max(10_000)
  .transform((text) => text.split(",").map((part) => part.trim()))
  .transform((parts) => parts.filter((part) => part !== ""))
  .refine((networks) => networks.every((network) => networkSpan(network) !== undefined))
  .describe('IP addresses and networks, separated by commas, such as "10.0.0.0/8,2001:db8::/32"');

/** Every setting of a Router: flag, environment name, default and meaning in one place. */
export const routerOptions = defineOptions({
  dataDir: option({
    schema: pathSchema,
    flag: "--data",
    env: "NESON_ROUTER_DATA",
    doc: "directory of keys, database and shield store",
    default: ".neson/router",
  }),
  databaseUrl: option({
    schema: databaseUrlSchema.optional(),
    flag: "--database-url",
    env: "DATABASE_URL",
    doc: "PostgreSQL database that Routers share, instead of a SQLite file in the data directory; give it in the environment, where no process list shows its password",
    isSecret: true,
  }),
  keysDir: option({
    schema: pathSchema.optional(),
    flag: "--keys",
    env: "NESON_ROUTER_KEYS",
    doc: "directory of master.key and identity.key, the same on every Router of a network; without it, the data directory",
  }),
  natsServers: option({
    schema: natsUrlsSchema.optional(),
    flag: "--nats-url",
    env: "NATS_URL",
    isSecret: true,
    doc: "NATS servers with JetStream over which several Routers on one PostgreSQL database keep in step; give credentials in the environment, where no process list shows them",
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
  tlsCertFile: option({
    schema: pathSchema.optional(),
    flag: "--tls-cert",
    env: "NESON_ROUTER_TLS_CERT",
    doc: "PEM file of the certificate chain; with it and --tls-key, viewers get HTTPS with HTTP/1.1 and HTTP/2; reread when it changes",
  }),
  tlsKeyFile: option({
    schema: pathSchema.optional(),
    flag: "--tls-key",
    env: "NESON_ROUTER_TLS_KEY",
    doc: "PEM file of the certificate's private key",
  }),
  maxConnections: option({
    schema: z.coerce.number().int().min(1).max(1_000_000).describe("a whole number from 1 to 1000000"),
    flag: "--max-connections",
    env: "NESON_ROUTER_MAX_CONNECTIONS",
    doc: "viewers' connections open at once",
    default: 20_000,
  }),
  maxConnectionsPerAddress: option({
    schema: z.coerce.number().int().min(1).max(1_000_000).describe("a whole number from 1 to 1000000"),
    flag: "--max-connections-per-address",
    env: "NESON_ROUTER_MAX_CONNECTIONS_PER_ADDRESS",
    doc: "viewers' connections open at once from one IPv4 address or IPv6 /64; a proxy of yours before this Router needs more",
    default: 1000,
  }),
  maxRequestsPerSecond: option({
    schema: z.coerce.number().int().min(1).max(10_000_000).describe("a whole number from 1 to 10000000"),
    flag: "--max-requests-per-second",
    env: "NESON_ROUTER_MAX_REQUESTS_PER_SECOND",
    doc: "requests a second, on average, from one IPv4 address or IPv6 /64; more are answered 429; a proxy of yours needs more",
    default: 5000,
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
    doc: "disk space for what was pulled from origins, a quarter of it for parts of large files",
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
  accessLog: option({
    schema: pathSchema.optional(),
    flag: "--access-log",
    env: "NESON_ROUTER_ACCESS_LOG",
    doc: "file that every request is written to, one JSON object a line; a file that log rotation moves away gets a successor",
  }),
  metricsFrom: option({
    schema: networksSchema,
    flag: "--metrics-from",
    env: "NESON_ROUTER_METRICS_FROM",
    doc: "addresses that may read /metrics on the control listener without a key; all others need one with metrics:read",
    default: "",
  }),
  terminalGbPrice: option({
    schema: priceSchema,
    flag: "--price-terminal-gb",
    env: "NESON_ROUTER_PRICE_TERMINAL_GB",
    doc: "what a site is charged for 10^9 body bytes that Terminals delivered",
    default: "0.005",
  }),
  routerGbPrice: option({
    schema: priceSchema,
    flag: "--price-router-gb",
    env: "NESON_ROUTER_PRICE_ROUTER_GB",
    doc: "what a site is charged for 10^9 body bytes that Routers delivered",
    default: "0.01",
  }),
  trustedProxies: option({
    schema: networksSchema,
    flag: "--trusted-proxies",
    env: "NESON_ROUTER_TRUSTED_PROXIES",
    doc: "addresses of your own proxies before this Router: what they say of the client's address and scheme is believed",
    default: "",
  }),
  proxyField: option({
    schema: z.enum(["x-forwarded-for", "forwarded"]).describe("x-forwarded-for or forwarded"),
    flag: "--proxy-field",
    env: "NESON_ROUTER_PROXY_FIELD",
    doc: "field in which trusted proxies name the client; they must not let a client's own through",
    default: "x-forwarded-for",
  }),
  geoFile: option({
    schema: pathSchema.optional(),
    flag: "--geo-file",
    env: "NESON_ROUTER_GEO_FILE",
    doc: "MaxMind DB file with countries (.mmdb) instead of the built-in table of registrations",
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
