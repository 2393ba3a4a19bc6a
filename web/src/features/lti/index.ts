export { LtiPage } from "./lti-page";
export { subject } from "./subject";
