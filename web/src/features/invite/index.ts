export { InviteCard } from "./invite-card";
export { InviteDialog } from "./invite-dialog";
