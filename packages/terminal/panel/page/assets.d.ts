// Files that Bun gives as text, because they are imported with { type: "text" }.
declare module "*.css" {
  const text: string;
  export = text;
}
declare module "*.browser.js" {
  const text: string;
  export = text;
}
