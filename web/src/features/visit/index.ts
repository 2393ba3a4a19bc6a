export { Visit as default } from "./visit";
