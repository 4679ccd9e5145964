/** As long as `releaseSchema` lets notes be. */
const MAX_NOTES_CHARS = 2000;

/** The first section of a changelog, without its heading: what is new, for people. Cut at the end of a line when it is too long. */
export function releaseNotes(changelog: string): string {
  const section = /^## [^\n]*\n([\s\S]*?)(?=^## |(?![\s\S]))/m.exec(changelog)?.[1];
  if (section === undefined) throw new Error('CHANGELOG.md has no section "## …" to take the release notes from');
  const notes = section.trim();
  if (notes.length <= MAX_NOTES_CHARS) return notes;
  return notes.slice(0, notes.lastIndexOf("\n", MAX_NOTES_CHARS - 2)).concat("\n…");
}
