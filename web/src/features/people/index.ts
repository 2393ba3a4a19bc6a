export { PeopleCount, PeoplePanel } from "./people-panel";
