export { Notices } from "./notices";
export { NoticesButton } from "./notices-button";
export { useAlerts } from "./use-alerts";
export { useKeptNotices } from "./use-kept-notices";
