/** The LTI page's own small API. Every call carries the token of the launch. */

export type LtiProblem = "expired" | "network" | "failed";

export class LtiError extends Error {
  readonly code: LtiProblem;
  constructor(code: LtiProblem, options?: ErrorOptions) {
    super(code, options);
    this.code = code;
  }
}

/** What to tell people about whatever was thrown. */
export function problemOf(error: unknown): LtiProblem {
  return error instanceof LtiError ? error.code : "failed";
}

export interface Recording {
  readonly id: string;
  readonly title: string;
  /** Unix seconds. */
  readonly createdAt: number;
  readonly megabytes: number;
}

export interface LtiApi {
  isActive(): Promise<boolean>;
  /** The way into the meeting, which is started if it does not run. */
  join(): Promise<string>;
  end(): Promise<void>;
  recordings(): Promise<readonly Recording[]>;
  /** Where the file of a recording is, for a while. */
  download(id: string): Promise<string>;
  remove(id: string): Promise<void>;
}

const TIMEOUT_MS = 15_000;

export type Fields = Readonly<Record<string, unknown>>;

export interface Answer {
  readonly status: number;
  readonly fields: Fields;
}

/** A call with a JSON body; `status` 401 is told apart, other refusals are the caller's business. */
export async function post(path: string, body: object, token?: string): Promise<Answer> {
  let answer: Response;
  try {
    answer = await fetch(path, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        ...(token === undefined ? {} : { Authorization: token }),
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (cause) {
    throw new LtiError("network", { cause });
  }
  if (answer.status === 401) throw new LtiError("expired");
  const parsed: unknown = await answer.json().catch(() => null);
  return { status: answer.status, fields: isFields(parsed) ? parsed : {} };
}

export function createLtiApi(token: string): LtiApi {
  const ask = (path: string, body: object = {}) => post(`/lti/v1/api/${path}`, body, token);
  const done = async (path: string, body?: object) => {
    const { status, fields } = await ask(path, body);
    if (status !== 200 || fields["status"] !== true) throw new LtiError("failed");
    return fields;
  };
  const text = (fields: Fields, name: string) => {
    const value = fields[name];
    if (typeof value !== "string") throw new LtiError("failed");
    return value;
  };
  return {
    isActive: async () => (await done("room/isActive"))["is_active"] === true,
    join: async () => text(await done("room/join"), "token"),
    end: async () => void (await done("room/end")),
    async recordings() {
      const { status, fields } = await ask("recording/fetch", { limit: 100 });
      if (status === 404) return [];
      if (status !== 200) throw new LtiError("failed");
      const result = fields["result"];
      const list = isFields(result) ? result["recordings_list"] : [];
      return Array.isArray(list) ? list.filter(isFields).map(recording) : [];
    },
    download: async (id) =>
      `/download/recording/${text(await done("recording/download", { record_id: id }), "token")}`,
    remove: async (id) => void (await done("recording/delete", { record_id: id })),
  };
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

/** Numbers that are zero and texts that are empty are left out of the answer. */
function recording(fields: Fields): Recording {
  const { record_id: id, creation_time: createdAt, file_size: size, metadata } = fields;
  const title = isFields(metadata) ? metadata["title"] : "";
  return {
    id: typeof id === "string" ? id : "",
    title: typeof title === "string" ? title : "",
    createdAt: typeof createdAt === "number" ? createdAt : 0,
    megabytes: typeof size === "number" ? size : 0,
  };
}
