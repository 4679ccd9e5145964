import { expect, test } from "bun:test";
import fc from "fast-check";
import { HpackDecoder } from "./hpack-decoder.ts";

function decodeHex(decoder: HpackDecoder, hex: string): string[] | undefined {
  const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
  const block = decoder.decode(bytes, 0, bytes.length);
  if (block === undefined) return undefined;
  expect(block.isTooLarge).toBe(false);
  return block.fields.map(({ name, value }) => `${name}: ${value}`);
}

const REQUESTS = [
  [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"],
  [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com", "cache-control: no-cache"],
  [":method: GET", ":scheme: https", ":path: /index.html", ":authority: www.example.com", "custom-key: custom-value"],
];
const RESPONSES = [
  [
    ":status: 302",
    "cache-control: private",
    "date: Mon, 21 Oct 2013 20:13:21 GMT",
    "location: https://www.example.com",
  ],
  [
    ":status: 307",
    "cache-control: private",
    "date: Mon, 21 Oct 2013 20:13:21 GMT",
    "location: https://www.example.com",
  ],
  [
    ":status: 200",
    "cache-control: private",
    "date: Mon, 21 Oct 2013 20:13:22 GMT",
    "location: https://www.example.com",
    "content-encoding: gzip",
    "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
  ],
];

// RFC 7541 appendix C. The examples of responses have a table of 256 bytes: 3fe101 sets it.
const SEQUENCES: [name: string, blocks: string[], lists: string[][]][] = [
  ["C.2.1", ["400a637573746f6d2d6b65790d637573746f6d2d686561646572"], [["custom-key: custom-header"]]],
  ["C.2.2", ["040c2f73616d706c652f70617468"], [[":path: /sample/path"]]],
  ["C.2.3", ["100870617373776f726406736563726574"], [["password: secret"]]],
  ["C.2.4", ["82"], [[":method: GET"]]],
  [
    "C.3",
    [
      "828684410f7777772e6578616d706c652e636f6d",
      "828684be58086e6f2d6361636865",
      "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
    ],
    REQUESTS,
  ],
  [
    "C.4",
    [
      "828684418cf1e3c2e5f23a6ba0ab90f4ff",
      "828684be5886a8eb10649cbf",
      "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
    ],
    REQUESTS,
  ],
  [
    "C.5",
    [
      "3fe101 4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
      "4803333037c1c0bf",
      "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
    ],
    RESPONSES,
  ],
  [
    "C.6",
    [
      "3fe101 488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
      "4883640effc1c0bf",
      "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
    ],
    RESPONSES,
  ],
];

test.each(SEQUENCES)("decode() agrees with RFC 7541 appendix %s", (_name, blocks, lists) => {
  const decoder = new HpackDecoder(4096);
  expect(blocks.map((block) => decodeHex(decoder, block))).toEqual(lists);
});

test.each([
  ["index 0", "80"],
  ["an index beyond both tables", "be"],
  ["an integer without end", "ffffffffffffff"],
  ["an integer that is cut off", "ff"],
  ["an integer larger than anything", "ffffffff7f"],
  ["a name longer than the block", "400561"],
  ["a value that is missing", "4001 61"],
  ["a string with wrong Huffman padding", "4001 61 8210 00"],
  ["a table size above what is offered", "3fe21f"],
  ["a table size after a field", "8220"],
])("decode() refuses %s", (_what, hex) => {
  expect(decodeHex(new HpackDecoder(4096), hex)).toBeUndefined();
});

test("decode() drops the fields that make a list too large, and still keeps the tables right", () => {
  const decoder = new HpackDecoder(100);
  const block = Buffer.from(`4001610162 40016b${"7f8101"}${"78".repeat(256)}`.replaceAll(" ", ""), "hex");
  expect(decoder.decode(block, 0, block.length)).toMatchObject({ isTooLarge: true, fields: [{ name: "a" }] });
  expect(decodeHex(decoder, "bf")).toEqual(["a: b"]);
});

test("decode() counts each repetition of an indexed field, and bounds their number", () => {
  const decoder = new HpackDecoder(1_000_000);
  const bomb = Buffer.alloc(257, 0x82);
  expect(decoder.decode(bomb, 0, 256)).toMatchObject({ isTooLarge: false });
  expect(decoder.decode(bomb, 0, 257)).toMatchObject({ isTooLarge: true });
  expect(new HpackDecoder(100).decode(bomb, 0, 3)).toMatchObject({ isTooLarge: true });
});

test("decode() evicts what a smaller table has no room for", () => {
  const decoder = new HpackDecoder(4096);
  expect(decodeHex(decoder, "4001610162 4001630164")).toEqual(["a: b", "c: d"]);
  expect(decodeHex(decoder, "3f0f be")).toEqual(["c: d"]);
  expect(decodeHex(decoder, "bf")).toBeUndefined();
  expect(decodeHex(decoder, "20 be")).toBeUndefined();
});

test("decode() empties its table for an entry larger than the table", () => {
  const decoder = new HpackDecoder(100_000);
  expect(decodeHex(decoder, "4001610162")).toEqual(["a: b"]);
  expect(decodeHex(decoder, `40016b7f811f${"78".repeat(4096)}`)).toEqual([`k: ${"x".repeat(4096)}`]);
  expect(decodeHex(decoder, "be")).toBeUndefined();
});

test("decode() keeps finding entries while old ones are evicted", () => {
  const decoder = new HpackDecoder(10_000);
  for (let i = 0; i < 1000; i++) {
    const value = String(1000 + i);
    expect(decodeHex(decoder, `400161 04${Buffer.from(value).toString("hex")} be`)).toEqual([
      `a: ${value}`,
      `a: ${value}`,
    ]);
  }
  // 4096 bytes hold 110 entries of 37: index 62 is the newest, 171 the oldest.
  expect(decodeHex(decoder, "ff2c")).toEqual(["a: 1890"]);
  expect(decodeHex(decoder, "ff2d")).toBeUndefined();
});

test("decode() never throws, whatever the bytes", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), (blocks) => {
      const decoder = new HpackDecoder(1000);
      for (const block of blocks) {
        const { fields = [] } = decoder.decode(Buffer.from(block), 0, block.length) ?? {};
        expect(fields.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(1000);
      }
    }),
    { numRuns: 1000 },
  );
});
