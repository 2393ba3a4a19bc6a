// LiveKit's API in its Python library, step by step with somebody in the room.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { LIVEKIT_API, PYTHON } from "./paths.mjs";

const TIMEOUT_MS = 60_000;

/**
 * Makes the room, and sees and changes everything in it, the participant `python` included, who is sent out in the end.
 *
 * @param {import("./peer.mjs").PythonPeer} peer `python`, who publishes
 * @param {{key: string, secret: string}} keys of the API at this origin
 */
export async function seesAndChangesInPython(peer, origin, { key, secret }, room) {
  const { stdout } = await promisify(execFile)(
    PYTHON,
    [LIVEKIT_API, origin, key, secret, room, "python"],
    { timeout: TIMEOUT_MS },
  );

  assert.deepEqual(JSON.parse(stdout), {
    created: room,
    listed: [room],
    participants: ["python"],
    participant: "python",
    muted: true,
    updated: ["Py", "meta", { a: "1" }],
    permission: false,
    room_metadata: "from python",
    unknown: [404, "not_found"],
    unimplemented: [501, "unimplemented"],
    lists: [0, 0, 0],
    left: 0,
  });
  assert.equal((await peer.event("data")).text, "from the api");
  await peer.event("disconnected");
}
