import { NesonError } from "@neson/kit/error";

/** A request's content, held to a site's limit as it comes: what states no length is only known to be too large once it is. */
export async function* limitedBody(body: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const block of body) {
    bytes += block.length;
    if (bytes > maxBytes) {
      const message = `sending content to an origin: found more than ${maxBytes} bytes, the most this site takes`;
      throw new NesonError("content-too-large", message, { fault: "caller" });
    }
    yield block;
  }
}
