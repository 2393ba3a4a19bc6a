export { BreakoutBanner } from "./breakout-banner";
export { useGoTo } from "./use-go-to";
