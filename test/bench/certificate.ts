import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { NesonError } from "@neson/kit/error";

/** A certificate and its key on disk, PEM. */
export interface CertificateFiles {
  certFile: string;
  keyFile: string;
}

/**
 * Makes a self-signed certificate for 127.0.0.1, of the kind that certificate authorities issue today: ECDSA over P-256.
 * @throws NesonError `server-failed` when openssl does not make one
 */
export async function makeCertificateFiles(directory: string): Promise<CertificateFiles> {
  await mkdir(directory, { recursive: true });
  const files = { certFile: join(directory, "cert.pem"), keyFile: join(directory, "key.pem") };
  const command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  command.push("-keyout", files.keyFile, "-out", files.certFile, "-days", "2", "-subj", "/CN=bench");
  command.push("-addext", "subjectAltName=IP:127.0.0.1");
  const child = Bun.spawn(command, { stdout: "ignore", stderr: "pipe" });
  const errors = await child.stderr.text();
  if ((await child.exited) === 0) return files;
  throw new NesonError("server-failed", `Making a certificate failed: ${errors.trim().slice(0, 500)}`, {
    fault: "peer",
  });
}
