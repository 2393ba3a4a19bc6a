/** The front door's own small API: starting and joining meetings without an account. */

export type FrontDoorMode = "open" | "passphrase" | "closed";

const ERRORS = [
  "passphrase-required",
  "passphrase-wrong",
  "no-such-meeting",
  "name-required",
  "too-many-requests",
  "closed",
] as const;

export type FrontDoorProblem = (typeof ERRORS)[number] | "network" | "failed";

export class FrontDoorError extends Error {
  readonly code: FrontDoorProblem;
  constructor(code: FrontDoorProblem, options?: ErrorOptions) {
    super(code, options);
    this.code = code;
  }
}

const TIMEOUT_MS = 15_000;

async function call(path: string, body?: object): Promise<Record<string, unknown>> {
  let answer: Response;
  try {
    answer = await fetch(path, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined
        ? {}
        : {
            method: "POST",
            headers: { "Content-Type": "application/json" },
            body: JSON.stringify(body),
          }),
    });
  } catch (cause) {
    throw new FrontDoorError("network", { cause });
  }
  const parsed: unknown = await answer.json().catch(() => null);
  const fields =
    typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : {};
  if (answer.ok) return fields;
  const known = ERRORS.find((code) => code === fields["error"]);
  throw new FrontDoorError(known ?? (answer.status === 429 ? "too-many-requests" : "failed"));
}

function address(fields: Record<string, unknown>): string {
  const url = fields["join_url"];
  if (typeof url !== "string") throw new FrontDoorError("failed");
  return url;
}

export async function frontDoorMode(): Promise<FrontDoorMode> {
  const { mode } = await call("/api/frontdoor");
  return mode === "open" || mode === "passphrase" ? mode : "closed";
}

/** Starts a meeting; the answer is the host's own way in and the code for everybody else. */
export async function startMeeting(wish: {
  readonly name: string;
  readonly title: string;
  readonly passphrase: string;
}): Promise<{ readonly joinUrl: string; readonly code: string }> {
  const fields = await call("/api/frontdoor/start", {
    name: wish.name,
    ...(wish.title === "" ? {} : { title: wish.title }),
    ...(wish.passphrase === "" ? {} : { passphrase: wish.passphrase }),
  });
  const code = fields["room_id"];
  return { joinUrl: address(fields), code: typeof code === "string" ? code : "" };
}

export async function joinMeeting(code: string, name: string): Promise<string> {
  return address(await call("/api/frontdoor/join", { code, name }));
}

/** The code in whatever was pasted: the code itself or a whole invite link. */
export function codeIn(text: string): string {
  const clean = text.trim();
  const link = /\/join\/([^/?#\s]+)/u.exec(clean)?.[1];
  return link ?? clean;
}
