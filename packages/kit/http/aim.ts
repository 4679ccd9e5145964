/** Where a request is aimed, or why it is refused. */
export type Aim = { target: string; host: string } | { refusal: string };

const ABSOLUTE_FORM = /^https?:\/\/([^/?#]*)([^#]*)$/i;
const HOST = /^(?:[a-z0-9._~!$&'()*+,;=%-]+|\[[0-9a-f:.]+\])(?::\d{0,5})?$/;

/**
 * Origin-form target and host of a request (RFC 9112 sections 3.2 and 3.2.2): exactly one valid Host field in HTTP/1.1; the authority of
 * an absolute-form target replaces it; "*" stays for OPTIONS (section 3.2.4); anything else is refused.
 */
export function aimOf(target: string, rawHeaders: string[], httpVersion: string, method = "GET"): Aim {
  let host: string | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length !== 4 || name.toLowerCase() !== "host") continue;
    if (host !== undefined) return { refusal: "more than one Host header, allowed: one" };
    host = (rawHeaders[i + 1] as string).toLowerCase();
  }
  if (host === undefined && httpVersion !== "1.0") return { refusal: "no Host header, allowed: exactly one" };
  if (target.charCodeAt(0) === 47 /* "/" */) return checked(target, host ?? "");
  if (target === "*" && method === "OPTIONS") return checked(target, host ?? "");
  const absolute = ABSOLUTE_FORM.exec(target);
  if (absolute === null) return { refusal: 'request target is neither "/path" nor "http://host/path"' };
  const [, authority = "", rest = ""] = absolute;
  return checked(rest.startsWith("/") ? rest : `/${rest}`, authority.toLowerCase(), "target authority");
}

function checked(target: string, host: string, what = "Host header"): Aim {
  if (host !== "" && !HOST.test(host)) return { refusal: `${what} is not a host name with an optional port` };
  if (host === "" && what !== "Host header") return { refusal: `${what} is empty` };
  return { target, host };
}
