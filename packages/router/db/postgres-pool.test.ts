import { expect, test } from "bun:test";
import { createServer } from "node:net";
import { FakeClock } from "@neson/kit/fake-clock";
import { silentLog } from "@neson/kit/log";
import { openPool } from "./postgres-pool.ts";

// Messages of PostgreSQL's protocol, version 3: https://www.postgresql.org/docs/15/protocol-message-formats.html
const AUTHENTICATION_OK = message("R", Buffer.from([0, 0, 0, 0]));
const READY_FOR_QUERY = message("Z", Buffer.from("I"));
const SERVER_STOPS = message("E", Buffer.from("SFATAL\0VFATAL\0C57P01\0Mthe server stops\0\0"));

test("connect() ends no program when the server stops in the moment it has taken the connection", async () => {
  // All three come in one piece: the connection breaks before anybody but the pool knows of it.
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(Buffer.concat([AUTHENTICATION_OK, READY_FOR_QUERY, SERVER_STOPS])));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const pool = openPool(
    { url: `postgres://neson@127.0.0.1:${port}/neson`, maxConnections: 1, statementMs: 1000 },
    { clock: new FakeClock(0), log: silentLog },
  );
  const connection = await pool.connect();
  const asked = connection.query("select 1", []);
  await expect(asked).rejects.toMatchObject({ code: "database-unavailable" });
  connection.release();
  await pool.end();
  server.close();
});

function message(type: string, content: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length + 4);
  return Buffer.concat([Buffer.from(type), length, content]);
}
