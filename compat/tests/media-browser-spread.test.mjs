// Unmodified livekit-client in Chromium, in meetings whose people are on two media threads from the second one on.
process.env.PLENUM_TEST_SPREAD = "1";
await import("./media-browser.test.mjs");
