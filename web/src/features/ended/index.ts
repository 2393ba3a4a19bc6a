export { EndedPage } from "./ended-page";
export { Progress } from "./progress";
