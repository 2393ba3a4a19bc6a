declare module "virtual:emoji" {
  /** Addresses of pictures. */
  const pictures: Readonly<Record<import("../emoji.ts").Sign, string>>;
  export default pictures;
}
