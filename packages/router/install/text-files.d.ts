// The install scripts are imported as text, so that they are part of a built program too.
declare module "*.sh" {
  const text: string;
  export = text;
}

declare module "*.ps1" {
  const text: string;
  export = text;
}
