import { NesonError } from "@neson/kit/error";
import { openTlsFiles, type TlsFiles, type TlsFilesDeps } from "@neson/kit/wire/tls-files";
import type { TerminalConfig } from "./config.ts";

/**
 * The certificate files that the configuration names; undefined for plain HTTP.
 *
 * @throws NesonError `bad-option` (operator) when only one of the two files is named, or HTTP/3 without them; `bad-tls` (operator)
 */
export function openTls(config: TerminalConfig, deps: TlsFilesDeps): TlsFiles | undefined {
  const files = openTlsFiles({ certFile: config.tlsCertFile, keyFile: config.tlsKeyFile }, deps);
  if (files !== undefined || !config.http3) return files;
  const message =
    "option --http3: found it without --tls-cert and --tls-key, allowed: with both (QUIC is always encrypted)";
  throw new NesonError("bad-option", message, { fault: "operator" });
}
