export { PollsPanel } from "./polls-panel";
