import type { EntryDraft } from "../catalog/entry.ts";
import type { GrowingFile } from "../catalog/growing-file.ts";
import { fieldLines, listMembers } from "../policy/fields.ts";
import { SLICE_BYTES } from "./grid.ts";
import type { SliceStore } from "./slice-store.ts";
import { strongValidatorOf } from "./versions.ts";

/**
 * Keeps what came of a whole answer that broke off (RFC 9111 3.3), so that only the rest is asked for later. Only of an origin that says it knows ranges,
 * and only of a version that can be told from every other: any other rest would have to be thrown away.
 * @param size bytes of the whole, as its length was declared
 * @param body still growing: its readers are told of the break afterwards
 * @throws what the disk throws
 */
export async function salvage(store: SliceStore, draft: EntryDraft, size: number, body: GrowingFile): Promise<void> {
  const knowsRanges = listMembers(fieldLines(draft.headers, "accept-ranges")).includes("bytes");
  const validator = strongValidatorOf(draft.headers);
  if (draft.status !== 200 || !knowsRanges || validator === undefined || body.receivedBytes === 0) return;
  const { site, key, vary, variantKey, headers, requestTimeMs, responseTimeMs } = draft;
  const sliced = store.add({ site, key, vary, variantKey, size, validator, headers, requestTimeMs, responseTimeMs });
  for (let first = 0; first < body.receivedBytes; first += SLICE_BYTES) {
    const chunks: Uint8Array[] = [];
    for await (const bytes of body.read(first, Math.min(first + SLICE_BYTES, body.receivedBytes) - 1))
      chunks.push(bytes);
    if (!(await store.addPart(sliced, first, chunks))) break;
  }
  if (sliced.parts.length === 0) store.drop(sliced);
}
