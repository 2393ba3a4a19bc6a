export { BackgroundControl } from "./background-control";
export { followBackground } from "./follow";
export { useShown } from "./use-background";
