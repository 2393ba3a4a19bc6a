export { GreenRoom } from "./green-room";
