export { ExternalPage } from "./external-page";
