import { NesonError } from "../error.ts";

/** Why an address cannot be listened on, as far as its operator can help it: "port-in-use" or "cannot-listen" (operator). */
export function listenError(cause: Error & { code?: string }, hostname: string, port: number): NesonError {
  const place = `${hostname}:${port}`;
  if (cause.code === "EADDRINUSE") {
    const message = `cannot listen on ${place}: another program uses this port; stop it or choose another port`;
    return new NesonError("port-in-use", message, { fault: "operator", cause });
  }
  return new NesonError(
    "cannot-listen",
    `cannot listen on ${place}; allowed: an address of this machine and a port this user may open`,
    { fault: "operator", cause },
  );
}
