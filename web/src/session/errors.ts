/**
 * Every way a visit can end, as one stable code. The server speaks in message keys; this is the one map
 * from those to what the ending page shows and offers.
 */
export const END_CODES = [
  "left",
  "room-ended",
  "ended-by-you",
  "time-over",
  "removed",
  "rejected",
  "duplicate",
  "blocked",
  "room-full",
  "room-not-active",
  "unknown-user",
  "token-invalid",
  "token-expired",
  "network",
  "server-silent",
  "timeout",
  "encrypted",
  "bad-message",
  "insecure",
  "other",
] as const;
export type EndCode = (typeof END_CODES)[number];

export interface EndReason {
  readonly code: EndCode;
  /** The server's own words, shown only for `other`. */
  readonly detail: string;
}

const BY_KEY: Readonly<Record<string, EndCode>> = {
  "notifications.room-disconnected-room-ended": "room-ended",
  "notifications.room-disconnected-participant-removed": "removed",
  "notifications.room-disconnected-duplicate-entry": "duplicate",
  "notifications.room-disconnected-client-initiated": "left",
  "notifications.user-logged-out": "left",
  "notifications.room-disconnected-network-error": "network",
  "notifications.room-disconnected-server-unresponsive": "server-silent",
  "notifications.you-have-removed": "removed",
  "notifications.you-have-reject": "rejected",
  "notifications.you-are-blocked": "blocked",
  "notifications.max-num-participates-exceeded": "room-full",
  "notifications.room-not-active": "room-not-active",
  "notifications.user-info-not-found": "unknown-user",
  "notifications.auth-header-missing": "token-invalid",
  "notifications.invalid-token": "token-invalid",
  "notifications.token-expired": "token-expired",
};

/** The ending that the server's message key or text stands for. */
export function endReason(serverText: string): EndReason {
  const code = BY_KEY[serverText] ?? "other";
  return { code, detail: code === "other" ? serverText : "" };
}

/** Whether trying again with the same link can help. */
export function mayRejoin({ code }: EndReason): boolean {
  switch (code) {
    case "left":
    case "duplicate":
    case "room-full":
    case "network":
    case "server-silent":
    case "timeout":
    case "bad-message":
    case "other":
      return true;
    case "room-ended":
    case "ended-by-you":
    case "time-over":
    case "rejected":
    case "removed":
    case "blocked":
    case "room-not-active":
    case "unknown-user":
    case "token-invalid":
    case "token-expired":
    case "encrypted":
    case "insecure":
      return false;
    default:
      return code satisfies never;
  }
}

export type EndTone = "plain" | "problem";

/** Whether an ending is one of the ordinary ones, or something went wrong or against somebody. */
export function endTone({ code }: EndReason): EndTone {
  const plain: readonly EndCode[] = [
    "left",
    "room-ended",
    "ended-by-you",
    "time-over",
    "duplicate",
  ];
  return plain.includes(code) ? "plain" : "problem";
}

/** A step of the way in that failed; carries the page to show. */
export class SessionError extends Error {
  readonly code: EndCode;
  readonly detail: string;
  constructor(reason: EndReason, options?: ErrorOptions) {
    super(reason.code, options);
    this.code = reason.code;
    this.detail = reason.detail;
  }
}
