export { HostItems, HostMenu } from "./host-menu";
export { WaitingCount, WaitingPanel } from "./waiting-panel";
export { usePersonActions } from "./use-person-actions";
export { useModeration } from "./use-moderation";
