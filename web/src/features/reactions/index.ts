export { HandsOverlay } from "./hands-overlay";
export { ReactionMenuItems, ReactionsButton } from "./reactions-button";
export { ReactionsOverlay } from "./reactions-overlay";
