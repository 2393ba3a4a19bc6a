export { Notices } from "./notices";
export { NoticesButton } from "./notices-button";
