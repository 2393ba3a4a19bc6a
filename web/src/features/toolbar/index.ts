export { Toolbar } from "./toolbar";
