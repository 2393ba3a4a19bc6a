export { SelfViewChoices } from "./self-tools";
export { Stage } from "./stage";
export { TrackVideo } from "./track-video";
export { useTiles, type TileData } from "./use-tiles";
