// Country files are imported by their path, so that they are part of a built program too.
declare module "*.mmdb" {
  const path: string;
  export = path;
}
