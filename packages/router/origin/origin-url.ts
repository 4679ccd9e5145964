/** An origin's URL, taken apart. */
export interface OriginUrl {
  isTls: boolean;
  /** Without brackets for IPv6. */
  hostname: string;
  port: number;
  /** As the Host field wants it: with the port unless it is the scheme's own. */
  host: string;
  /** Path before every target, without its last slash; "" at the root. */
  base: string;
}

/** The parts of a URL that `originUrl` in the site's settings let through. */
export function parseOriginUrl(text: string): OriginUrl {
  const url = new URL(text);
  const isTls = url.protocol === "https:";
  return {
    isTls,
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? (isTls ? 443 : 80) : Number(url.port),
    host: url.host,
    base: url.pathname.replace(/\/+$/, ""),
  };
}
