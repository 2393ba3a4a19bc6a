/** Whether this is a camera that looks away from its owner: what it shows, a phrase on a page for instance, is not mirrored. */
export const isRear = (camera: MediaStreamTrack | undefined): boolean =>
  camera?.getSettings().facingMode === "environment";

export const showsRear = (stream: MediaStream | null): boolean => isRear(stream?.getTracks()[0]);
