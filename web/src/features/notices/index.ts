export { Notices } from "./notices";
