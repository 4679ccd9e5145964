import { type Field, fieldOf } from "./hpack-field.ts";
import { decodeHuffman } from "./hpack-huffman.ts";
import { STATIC_TABLE } from "./hpack-tables.ts";

/** Size of the dynamic table that every decoder offers until it announces another one (RFC 9113 section 6.5.2). */
const MAX_TABLE_BYTES = 4096;

/** More field lines than any client sends; each costs memory beyond its bytes. */
const MAX_FIELDS = 256;

/** No index, length or size in a block that is served comes near this. */
const MAX_INTEGER = 2 ** 24;

const STATIC_FIELDS: readonly Field[] = STATIC_TABLE.map(([name, value]) => fieldOf(name, value));

/** What one header block says. */
export interface DecodedBlock {
  fields: Field[];
  /** True when the list is larger than allowed: then the fields are not all of it. */
  isTooLarge: boolean;
}

/** Breaks off a block that cannot be decoded; never leaves this file. */
class BrokenBlock extends Error {}

/** Decodes the header blocks of one connection, in the order in which they came (RFC 7541). */
export class HpackDecoder {
  readonly #maxListBytes: number;
  /** The dynamic table; the newest entry is last, the first `#evicted` are gone. */
  #entries: Field[] = [];
  #evicted = 0;
  #tableBytes = 0;
  #maxTableBytes = MAX_TABLE_BYTES;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;
  #version = 0;

  /** A list may count `maxListBytes`, as RFC 9113 section 6.5.2 counts. */
  constructor(maxListBytes: number) {
    this.#maxListBytes = maxListBytes;
  }

  /** Changes whenever the dynamic table does: while it stays, the same bytes mean the same fields. */
  get version(): number {
    return this.#version;
  }

  /** Decodes bytes start..end; undefined when they cannot be decoded, and then no later block can be (a COMPRESSION_ERROR). */
  decode(bytes: Buffer, start: number, end: number): DecodedBlock | undefined {
    this.#block = bytes;
    this.#at = start;
    this.#end = end;
    try {
      return this.#decodeAll();
    } catch (error) {
      if (error instanceof BrokenBlock) return undefined;
      throw error;
    }
  }

  #decodeAll(): DecodedBlock {
    const fields: Field[] = [];
    let listBytes = 0;
    let isTooLarge = false;
    let mayResize = true;
    while (this.#at < this.#end) {
      const first = this.#block[this.#at] as number;
      // RFC 7541 section 4.2: the size changes only before the first field.
      if (first >= 32 && first < 64) {
        if (!mayResize) throw new BrokenBlock();
        this.#resize(this.#integer(5));
        continue;
      }
      mayResize = false;
      const field = this.#field(first);
      listBytes += field.bytes;
      if (listBytes > this.#maxListBytes || fields.length === MAX_FIELDS) isTooLarge = true;
      // The rest is still read: later blocks refer to what it puts into the table.
      if (!isTooLarge) fields.push(field);
    }
    return { fields, isTooLarge };
  }

  /** RFC 7541 section 6: the first bits tell how a field is written. */
  #field(first: number): Field {
    if (first >= 128) return this.#entry(this.#integer(7));
    const isAdded = first >= 64;
    const nameIndex = this.#integer(isAdded ? 6 : 4);
    const name = nameIndex === 0 ? this.#string() : this.#entry(nameIndex).name;
    const field = fieldOf(name, this.#string());
    if (isAdded) this.#add(field);
    return field;
  }

  #entry(index: number): Field {
    if (index <= STATIC_FIELDS.length) {
      const field = STATIC_FIELDS[index - 1];
      if (field === undefined) throw new BrokenBlock();
      return field;
    }
    const at = this.#entries.length - (index - STATIC_FIELDS.length);
    const field = this.#entries[at];
    if (at < this.#evicted || field === undefined) throw new BrokenBlock();
    return field;
  }

  #add(field: Field): void {
    this.#version++;
    this.#tableBytes += field.bytes;
    this.#entries.push(field);
    this.#evict();
  }

  #resize(maxBytes: number): void {
    if (maxBytes > MAX_TABLE_BYTES) throw new BrokenBlock();
    this.#version++;
    this.#maxTableBytes = maxBytes;
    this.#evict();
  }

  /** RFC 7541 section 4.4: an entry larger than the table empties it, and is no error. */
  #evict(): void {
    while (this.#tableBytes > this.#maxTableBytes) {
      this.#tableBytes -= (this.#entries[this.#evicted] as Field).bytes;
      this.#evicted++;
    }
    if (this.#evicted < 64 && this.#evicted < this.#entries.length) return;
    this.#entries.splice(0, this.#evicted);
    this.#evicted = 0;
  }

  /** RFC 7541 section 5.1. */
  #integer(prefixBits: number): number {
    const prefix = (1 << prefixBits) - 1;
    let value = (this.#block[this.#at++] as number) & prefix;
    if (value < prefix) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      if (this.#at >= this.#end) break;
      const byte = this.#block[this.#at++] as number;
      value += (byte & 127) << shift;
      if (byte < 128) {
        if (value > MAX_INTEGER) break;
        return value;
      }
    }
    throw new BrokenBlock();
  }

  /** RFC 7541 section 5.2. */
  #string(): string {
    if (this.#at >= this.#end) throw new BrokenBlock();
    const isHuffman = (this.#block[this.#at] as number) >= 128;
    const length = this.#integer(7);
    const start = this.#at;
    const end = start + length;
    if (end > this.#end) throw new BrokenBlock();
    this.#at = end;
    if (!isHuffman) return this.#block.toString("latin1", start, end);
    const text = decodeHuffman(this.#block, start, end);
    if (text === undefined) throw new BrokenBlock();
    return text;
  }
}
