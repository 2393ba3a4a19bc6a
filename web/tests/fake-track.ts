/** A camera or microphone that is open, without a device. */
export class FakeTrack extends EventTarget {
  readonly id: string = crypto.randomUUID();
  readyState: MediaStreamTrackState = "live";
  enabled = true;
  muted = false;
  facingMode = "user";

  constructor(
    readonly kind: "audio" | "video",
    readonly deviceId: string,
    /** As it was asked for. */
    readonly constraints: MediaTrackConstraints = {},
    readonly label = `The ${deviceId}`,
  ) {
    super();
  }

  /** As the browser gives it. */
  asTrack(): MediaStreamTrack {
    return this as unknown as MediaStreamTrack;
  }

  stop() {
    this.readyState = "ended";
  }

  /** Pulled out. */
  unplug() {
    this.stop();
    this.dispatchEvent(new Event("ended"));
  }

  getSettings = (): MediaTrackSettings => ({
    deviceId: this.deviceId,
    facingMode: this.facingMode,
    width: 1280,
    height: 720,
  });
  getConstraints = (): MediaTrackConstraints => ({ ...this.constraints });
  applyConstraints = (): Promise<void> => Promise.resolve();
  clone = (): FakeTrack => new FakeTrack(this.kind, this.deviceId, this.constraints, this.label);
}
