/** A server of its own for each test, with a clock that stands still. */
import { afterEach, beforeEach, vi } from "vitest";
import { createFakeServer, id, type FakeServer } from "./fakes";

export let server: FakeServer;

/** Another one, for the rest of the test. */
export function startServer(...how: Parameters<typeof createFakeServer>): void {
  server = createFakeServer(...how);
}

/** For every test of the file. */
export function freshServers(): void {
  beforeEach(() => {
    vi.useFakeTimers();
    startServer();
  });
  afterEach(() => {
    server.session.dispose();
    vi.useRealTimers();
  });
}

export const phase = () => server.session.phase.getSnapshot();
export const kinds = () => server.sent.map(({ kind }) => kind);
export const lines = (with_: string | null = null) =>
  server.session.chat.getSnapshot().conversations.get(with_ === null ? null : id(with_)) ?? [];
