/** Whether a database's place is the URL of a PostgreSQL server; else it is a file's path. */
export function isPostgresUrl(place: string): boolean {
  return /^postgres(ql)?:\/\//.test(place);
}
