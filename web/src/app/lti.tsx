/** The page people come to from a course of a learning platform. */
import { LtiPage, subject } from "../features/lti";
import { loadTexts } from "../i18n";
import { startPage } from "./start";

const about = subject();

void startPage({
  content: <LtiPage about={about} />,
  design: () => (about?.page === "room" ? JSON.stringify(about.design) : null),
  prepare: () => loadTexts("lti"),
});
