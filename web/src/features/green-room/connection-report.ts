import type { Findings, Verdict } from "../../session/connection-check";
import type { Permissions } from "./use-permission-states";

interface Found {
  readonly findings: Findings;
  readonly verdict: Verdict;
  readonly permissions: Permissions | null;
}

/** For whoever runs the network or the server: everything that was found, and nothing that says who it was. */
export function reportOf({ findings, verdict, permissions }: Found): string {
  const { roundTripMs, reachable, trials, rates } = findings;
  const rounded = (value: number | null) => (value === null ? null : Math.round(value));
  const told = {
    at: new Date().toISOString(),
    server: window.location.host,
    browser: navigator.userAgent,
    verdict,
    messages: { reachable, roundTripMs: rounded(roundTripMs) },
    media: trials.map(({ means, address, ok, ms, error }) => ({
      by: means,
      address,
      works: ok,
      ms: rounded(ms),
      ...(error !== null && { error }),
    })),
    bitsPerSecond: rates && { down: rounded(rates.down), up: rounded(rates.up) },
    permissions,
  };
  return JSON.stringify(told, null, 2);
}
