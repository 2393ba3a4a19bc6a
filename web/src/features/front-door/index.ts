export { FrontBar } from "./front-bar";
export { FrontDoor } from "./front-door";
export { JoinPage } from "./join-page";
