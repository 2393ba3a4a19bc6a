export { ExtendMenu } from "./extend-menu";
