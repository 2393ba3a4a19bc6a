export { createActions, type ActionId, type Actions } from "./actions";
export { ShortcutsDialog } from "./shortcuts-dialog";
export { useShortcuts } from "./use-shortcuts";
