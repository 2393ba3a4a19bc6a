/** What is worth a sound, and a word from the system while the page is out of sight. */
export const ALERTS = [
  "hand",
  "waiting",
  "asked",
  "chat",
  "poll",
  "message",
  "trouble",
  "joined",
  "left",
] as const;
export type Alert = (typeof ALERTS)[number];

/** In a meeting of twenty these would never stop; whoever wants them turns them on. */
export const USUALLY_QUIET: readonly Alert[] = ["joined", "left"];
