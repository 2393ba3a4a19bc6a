export { PeopleCount, PeoplePanel } from "./people-panel";
export { useVisiblePeople } from "./use-visible-people";
