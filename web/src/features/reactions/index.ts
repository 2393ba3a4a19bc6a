export { HandsOverlay } from "./hands-overlay";
export { ReactionsButton, ReactionItems } from "./reactions-button";
export { ReactionsOverlay } from "./reactions-overlay";
