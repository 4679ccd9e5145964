// The player's path: imported with { type: "file" }, so that it is part of a built program too.
declare module "hls.js/dist/hls.light.min.js" {
  const path: string;
  export = path;
}
