import { terminalIdOf, verifySignature } from "@neson/protocol/identity";
import { helloBytes, PROTOCOL_VERSION, type RouterMessage, type TerminalMessage } from "@neson/protocol/messages";

/** A Terminal's first message. */
export type Hello = Extract<TerminalMessage, { type: "hello" }>;
/** The message that turns a Terminal away. */
export type Refusal = Extract<RouterMessage, { type: "refused" }>;

/** Builds the message that turns a Terminal away, with a reason a person can act on. */
export function refusal(code: Refusal["code"], message: string): Refusal {
  return { type: "refused", code, message: message.slice(0, 500) };
}

/**
 * Checks a `hello` against the challenge this connection got.
 * @returns the Terminal's id, or why it is refused
 */
export function checkHello(hello: Hello, nonce: string): { terminalId: string } | { refused: Refusal } {
  if (hello.protocol !== PROTOCOL_VERSION) {
    const message = `hello speaks protocol ${hello.protocol}; this Router speaks ${PROTOCOL_VERSION}. Update the older side.`;
    return { refused: refusal("protocol-version", message) };
  }
  const signed = helloBytes({ nonce, publicKey: hello.publicKey, endpoint: hello.endpoint });
  if (!verifySignature(hello.publicKey, signed, hello.signature)) {
    const message = `hello's signature is not by key ${hello.publicKey} over this connection's challenge and endpoint ${hello.endpoint}`;
    return { refused: refusal("bad-signature", message) };
  }
  return { terminalId: terminalIdOf(hello.publicKey) };
}
