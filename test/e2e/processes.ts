/** Command lines of the running processes that name that path. */
export async function processesNaming(path: string): Promise<string[]> {
  const listing = await new Response(Bun.spawn(["ps", "-eo", "pid=,args="], { stdout: "pipe" }).stdout).text();
  return listing.split("\n").filter((line) => line.includes(path));
}
