import { NesonError } from "@neson/kit/error";
import type { TerminalConfig } from "./config.ts";
import { TlsFiles, type TlsFilesDeps } from "./serve/tls-files.ts";

/**
 * The certificate files that the configuration names; undefined for plain HTTP.
 *
 * @throws NesonError `bad-option` (operator) when only one of the two files is named, or HTTP/3 without them; `bad-tls` (operator)
 */
export function openTls(config: TerminalConfig, deps: TlsFilesDeps): TlsFiles | undefined {
  const { tlsCertFile: certFile, tlsKeyFile: keyFile, http3 } = config;
  if (certFile !== undefined && keyFile !== undefined) return new TlsFiles({ certFile, keyFile }, deps);
  const [found, missing] = certFile === undefined ? ["--tls-key", "--tls-cert"] : ["--tls-cert", "--tls-key"];
  if (certFile !== undefined || keyFile !== undefined) {
    throw badOption(`option ${missing}: found nothing, allowed: a PEM file, because ${found} is given`);
  }
  if (http3)
    throw badOption(
      "option --http3: found it without --tls-cert and --tls-key, allowed: with both (QUIC is always encrypted)",
    );
  return undefined;
}

function badOption(message: string): NesonError {
  return new NesonError("bad-option", message, { fault: "operator" });
}
