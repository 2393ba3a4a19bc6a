import { startI18n } from "../src/i18n";

/** Tests read the page in English, as the texts in them are. */
await startI18n("en");
