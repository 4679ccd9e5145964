/**
 * Fields that speak of one connection and never of the message carried over it, in lower case (RFC 9110 section 7.6.1): not stored, not
 * passed on. What a Connection field lists beside them is the reader's to add.
 */
export const CONNECTION_FIELDS = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
] as const;
