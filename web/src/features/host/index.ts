export { HostItems, HostMenu } from "./host-menu";
export { RestBanner } from "./rest-banner";
export { WaitingCount, WaitingPanel } from "./waiting-panel";
export { usePersonActions, type PersonAction } from "./use-person-actions";
export { useModeration } from "./use-moderation";
