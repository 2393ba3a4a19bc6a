export { Stage } from "./stage";
