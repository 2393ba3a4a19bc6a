/** What things sound like: soft, short, and each its own, so that one knows without looking. */
import type { Tones } from "../../kit/tones";
import type { Alert } from "../../session/alerts";

export const SOUNDS: Readonly<Record<Alert, Tones>> = {
  hand: { frequencies: [587.33, 783.99], length: 0.16, volume: 0.08 },
  waiting: { frequencies: [659.25, 523.25], length: 0.22, volume: 0.1 },
  asked: { frequencies: [659.25, 783.99, 987.77], length: 0.14, volume: 0.1 },
  chat: { frequencies: [1046.5], length: 0.09, volume: 0.05 },
  poll: { frequencies: [523.25, 659.25, 783.99], length: 0.12, volume: 0.08 },
  message: { frequencies: [880], length: 0.14, volume: 0.07 },
  trouble: { frequencies: [329.63, 261.63], length: 0.22, volume: 0.1 },
  joined: { frequencies: [392, 523.25], length: 0.1, volume: 0.05 },
  left: { frequencies: [523.25, 392], length: 0.1, volume: 0.05 },
};
