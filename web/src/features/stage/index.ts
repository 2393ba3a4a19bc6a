export { SelfViewChoices } from "./self-tools";
export { Stage } from "./stage";
