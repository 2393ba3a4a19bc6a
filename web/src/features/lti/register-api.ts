/** Registering a platform. */
import { LtiError, post } from "./api";

const ERRORS = [
  "secret-wrong",
  "bad-platform",
  "platform-unreachable",
  "too-many-platforms",
  "too-many-requests",
] as const;

export type RegisterProblem = (typeof ERRORS)[number] | "network" | "failed";

export class RegisterError extends Error {
  readonly code: RegisterProblem;
  constructor(code: RegisterProblem, options?: ErrorOptions) {
    super(code, options);
    this.code = code;
  }
}

export type Introduction =
  | {
      readonly issuer: string;
      readonly client_id: string;
      readonly auth_url: string;
      readonly keys_url: string;
      /** Separated by commas or blanks. */
      readonly deployments: string;
    }
  | { readonly description: string; readonly token: string };

function bodyOf(secret: string, by: Introduction): object {
  if ("description" in by) {
    return { secret, openid_configuration: by.description, registration_token: by.token };
  }
  const deployments = by.deployments.split(/[\s,]+/u).filter((id) => id !== "");
  const trimmed = (text: string) => text.trim();
  return {
    secret,
    platform: {
      issuer: trimmed(by.issuer),
      client_id: trimmed(by.client_id),
      auth_url: trimmed(by.auth_url),
      keys_url: trimmed(by.keys_url),
      deployments,
    },
  };
}

export async function registerPlatform(secret: string, by: Introduction): Promise<void> {
  const { status, fields } = await post("/lti/v1p3/register", bodyOf(secret, by)).catch(
    (cause: unknown) => {
      const lost = cause instanceof LtiError && cause.code === "network";
      throw new RegisterError(lost ? "network" : "failed", { cause });
    },
  );
  if (status === 200) return;
  throw new RegisterError(ERRORS.find((code) => code === fields["error"]) ?? "failed");
}
