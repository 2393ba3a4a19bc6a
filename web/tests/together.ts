/** What people do together, as it goes on behind a meeting screen that is not there. */
import type { Session } from "../src/session/session";
import { begin, together, type Surroundings, type Together } from "../src/session/together";

const NOWHERE: Surroundings = {
  show: () => undefined,
  go: () => undefined,
  keepWayBack: () => undefined,
};

export function begun(session: Session): Together {
  begin(session, NOWHERE);
  return together(session);
}
