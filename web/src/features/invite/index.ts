export { AloneCard } from "./invite-card";
export { InviteDialog } from "./invite-dialog";
