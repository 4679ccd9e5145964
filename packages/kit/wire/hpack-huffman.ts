import { END_MARK, HUFFMAN_CODES } from "./hpack-tables.ts";

/** Below the next state in a transition: one byte that the four bits complete, and whether they do. */
const STATE_SHIFT = 9;
const EMITS = 256;
/** A transition that no valid string takes: it completes the end mark. */
const FAILS = -1;

/** Where the decoder stands between two bits: a leaf carries its symbol, any other node its two children. */
interface CodeNode {
  symbol: number;
  children: [CodeNode | undefined, CodeNode | undefined];
  /** Row of `transitions`. */
  state: number;
  /** True when a string may end here: at most seven bits, all ones (RFC 7541 section 5.2). */
  mayEnd: boolean;
}

/** For each state and each four bits: next state, completed byte, or FAILS. No code is shorter than five bits: at most one byte completes. */
const { transitions, mayEnd } = buildTransitions();

/**
 * A Huffman-coded string (RFC 7541 section 5.2), each decoded byte as one character; undefined when it contains the end mark or its padding is
 * not the first bits of the end mark, or is longer than seven bits.
 */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number): string | undefined {
  // The shortest code has five bits.
  const needed = Math.ceil(((end - start) * 8) / 5);
  const into = needed <= decoded.length ? decoded : Buffer.allocUnsafe(needed);
  let length = 0;
  let state = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    const high = transitions[(state << 4) | (byte >> 4)] as number;
    if (high === FAILS) return undefined;
    if ((high & EMITS) !== 0) into[length++] = high & 255;
    const low = transitions[((high >> STATE_SHIFT) << 4) | (byte & 15)] as number;
    if (low === FAILS) return undefined;
    if ((low & EMITS) !== 0) into[length++] = low & 255;
    state = low >> STATE_SHIFT;
  }
  return mayEnd[state] === 1 ? into.toString("latin1", 0, length) : undefined;
}

/** Bytes of a string's Huffman code; each character is one byte. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += codeOf(text, i).bits;
  return Math.ceil(bits / 8);
}

/** Writes a string's Huffman code at `at`; the position after it. `into` must have room for `huffmanLength` bytes. */
export function encodeHuffman(text: string, into: Uint8Array, at: number): number {
  let position = at;
  let held = 0;
  let heldBits = 0;
  for (let i = 0; i < text.length; i++) {
    const { code, bits } = codeOf(text, i);
    // Seven bits held and thirty new ones are more than 32: multiply, do not shift.
    held = held * 2 ** bits + code;
    heldBits += bits;
    while (heldBits >= 8) {
      heldBits -= 8;
      const byte = Math.floor(held / 2 ** heldBits);
      into[position++] = byte;
      held -= byte * 2 ** heldBits;
    }
  }
  if (heldBits > 0) into[position++] = (held << (8 - heldBits)) | (255 >> heldBits);
  return position;
}

function codeOf(text: string, at: number) {
  return HUFFMAN_CODES[text.charCodeAt(at)] as { code: number; bits: number };
}

/** Used up within each call. */
const decoded = Buffer.allocUnsafe(8192);

function buildTransitions() {
  const states = innerNodes(codeTree());
  const table = new Int32Array(states.length * 16);
  const [root] = states;
  for (const node of states) {
    for (let bits = 0; bits < 16; bits++) table[node.state * 16 + bits] = walk(node, bits, root as CodeNode);
  }
  return { transitions: table, mayEnd: Uint8Array.from(states, (node) => Number(node.mayEnd)) };
}

function codeTree(): CodeNode {
  const root: CodeNode = { symbol: -1, children: [undefined, undefined], state: 0, mayEnd: true };
  for (const [symbol, { code, bits }] of HUFFMAN_CODES.entries()) {
    let node = root;
    for (let bit = bits - 1; bit >= 0; bit--) {
      const side = ((code >>> bit) & 1) as 0 | 1;
      const isPadding = node.mayEnd && side === 1 && bits - bit <= 7;
      node.children[side] ??= { symbol: -1, children: [undefined, undefined], state: 0, mayEnd: isPadding };
      node = node.children[side];
    }
    node.symbol = symbol;
  }
  return root;
}

/** All nodes that are not leaves, numbered, the root first. */
function innerNodes(root: CodeNode): CodeNode[] {
  const nodes = [root];
  for (const node of nodes) {
    node.state = nodes.indexOf(node);
    for (const child of node.children) if (child !== undefined && child.symbol < 0) nodes.push(child);
  }
  return nodes;
}

function walk(from: CodeNode, fourBits: number, root: CodeNode): number {
  let node = from;
  let emitted = 0;
  for (let bit = 3; bit >= 0; bit--) {
    node = node.children[((fourBits >> bit) & 1) as 0 | 1] as CodeNode;
    if (node.symbol === END_MARK) return FAILS;
    if (node.symbol < 0) continue;
    emitted = EMITS | node.symbol;
    node = root;
  }
  return (node.state << STATE_SHIFT) | emitted;
}
