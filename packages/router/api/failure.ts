/** An error as the operator's API answers it: `{error: {code, message}}`. */
export function failure(status: number, code: string, message: string): Response {
  return Response.json({ error: { code, message } }, { status });
}
