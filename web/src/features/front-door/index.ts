export { FrontDoor } from "./front-door";
export { JoinPage } from "./join-page";
