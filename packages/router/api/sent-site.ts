import { z } from "zod";
import { accessSettingsSchema } from "../sites/access-settings.ts";
import { type Site, siteSchema } from "../sites/site.ts";
import { namedSchema } from "./named-schema.ts";

const { signing: signingSchema, ...otherAccess } = accessSettingsSchema.shape;
const { keys: signingKeys, ...otherSigning } = signingSchema.unwrap().shape;
const { id, secret } = signingKeys.element.shape;

const sentSigningKey = z.strictObject({
  id,
  secret: secret.optional().describe("never shown; left out, the stored one of that id stays"),
});

/** Who may ask a site for what, as it goes over the API: without the secrets of signing keys. */
const sentAccessSchema = z.strictObject({
  ...otherAccess,
  signing: z.strictObject({ ...otherSigning, keys: z.array(sentSigningKey).min(1).max(10) }).optional(),
});

/** A site as it goes over the API: complete but for secrets, which go one way only. */
export const sentSiteSchema = namedSchema(
  "Site",
  z.strictObject({ ...siteSchema.shape, access: sentAccessSchema.prefault({}) }),
);

export type SentSite = z.output<typeof sentSiteSchema>;

/** A site as it may be shown. */
export function withoutSecrets(site: Site): SentSite {
  const { signing } = site.access;
  if (signing === undefined) return site;
  const keys = signing.keys.map((key) => ({ id: key.id }));
  return { ...site, access: { ...site.access, signing: { ...signing, keys } } };
}

/** What was sent, with the stored secrets of those signing keys that came without one; others stay without. */
export function withStoredSecrets(sent: SentSite, stored: Site | undefined): SentSite {
  const { signing } = sent.access;
  if (signing === undefined) return sent;
  const known = new Map(stored?.access.signing?.keys.map((key) => [key.id, key.secret]));
  const keys = signing.keys.map((key) => ({ ...key, secret: key.secret ?? known.get(key.id) }));
  return { ...sent, access: { ...sent.access, signing: { ...signing, keys } } };
}
