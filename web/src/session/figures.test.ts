import { expect, test } from "vitest";
import { bitRate, figuresOf } from "./figures";

test("packets lost are told as a part of all, and what two reports share counts once", () => {
  const entry = { id: "I1", type: "inbound-rtp", packetsLost: 5, packetsReceived: 95 };
  const other = { id: "I2", type: "inbound-rtp", packetsLost: 0, packetsReceived: 100 };
  const figures = figuresOf([
    ["in", entry],
    ["in", entry],
    ["in", other],
  ]);
  expect(figures.lossIn).toBeCloseTo(0.025);
});

test("the same id in two connections is two entries", () => {
  const pair = { id: "P", type: "candidate-pair", nominated: true, state: "succeeded" };
  const figures = figuresOf([
    ["in", { ...pair, currentRoundTripTime: 0.02 }],
    ["out", { ...pair, currentRoundTripTime: 0.05 }],
  ]);
  expect(figures.roundTripMs).toBeCloseTo(50);
});

test("nothing measured is nothing, not zero", () => {
  const idle = { id: "P", type: "candidate-pair", nominated: false, currentRoundTripTime: 0.5 };
  expect(figuresOf([["in", idle]])).toEqual({
    roundTripMs: null,
    lossIn: null,
    lossOut: null,
    bytesIn: 0,
    bytesOut: 0,
  });
});

test("what the other side reports about us is averaged over the tracks", () => {
  const figures = figuresOf([
    ["out", { id: "a", type: "remote-inbound-rtp", fractionLost: 0.1 }],
    ["out", { id: "b", type: "remote-inbound-rtp", fractionLost: 0 }],
    ["out", { id: "c", type: "remote-inbound-rtp", fractionLost: "x" }],
  ]);
  expect(figures.lossOut).toBeCloseTo(0.05);
});

test("what came and went is told as bits per second, and not across a track that began anew", () => {
  const { bytesIn, bytesOut } = figuresOf([
    ["in", { id: "I1", type: "inbound-rtp", bytesReceived: 1_000 }],
    ["in", { id: "I2", type: "inbound-rtp", bytesReceived: 500 }],
    ["out", { id: "O", type: "outbound-rtp", bytesSent: 250 }],
  ]);
  expect([bytesIn, bytesOut]).toEqual([1_500, 250]);
  expect(bitRate(500, bytesIn, 2)).toBe(4_000);
  expect(bitRate(2_000, bytesIn, 2)).toBeNull();
  expect(bitRate(0, bytesIn, 0)).toBeNull();
});
