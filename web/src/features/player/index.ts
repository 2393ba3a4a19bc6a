export { PlayerStage } from "./player-stage";
